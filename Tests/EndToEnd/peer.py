# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""Clients for the end-to-end tests: a blocking one with every field in hand, paho's, and mosquitto's commands."""
import queue
import socket
import struct
import subprocess
import time

import mqttwire as wire
import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PATIENCE = 10


class Peer:
    """A blocking client. It acknowledges what it receives, unless `answers` is False."""

    def __init__(self, port, name, version=5, clean=True, expiry=None, will=None, pairs=(), keep_alive=0):
        self.version, self.answers = version, True
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.decoder, self.waiting, self.number = wire.Decoder(version), [], 0
        pairs = list(pairs) + ([(wire.SESSION_EXPIRY, expiry)] if expiry is not None else [])
        self.send(wire.connect(version, name, clean, keep_alive, pairs, will))
        self.connack = self.next(wire.CONNACK)

    def send(self, data):
        self.socket.sendall(data)

    def next(self, *kinds, seconds=PATIENCE):
        """The next packet of these kinds; others stay for later. None when time is up, EOFError when closed."""
        end = time.monotonic() + seconds
        while True:
            for i, packet in enumerate(self.waiting):
                if packet.kind in kinds:
                    return self.waiting.pop(i)
            left = end - time.monotonic()
            if left <= 0:
                return None
            self._read(left)

    def _read(self, seconds):
        self.socket.settimeout(max(seconds, 0.001))
        try:
            data = self.socket.recv(65536)
        except socket.timeout:
            return
        if not data:
            raise EOFError("the broker closed the connection")
        for packet in self.decoder.feed(data):
            self._answer(packet)
            self.waiting.append(packet)

    def _answer(self, packet):
        if not self.answers:
            return
        if packet.kind == wire.PUBLISH and packet.qos:
            self.send(wire.acknowledge(wire.PUBACK if packet.qos == 1 else wire.PUBREC, packet.id))
        elif packet.kind == wire.PUBREL:
            self.send(wire.acknowledge(wire.PUBCOMP, packet.id))

    def next_id(self):
        self.number = self.number % 65535 + 1
        return self.number

    def subscribe(self, text, qos=0, options=0, number=None):
        pairs = [(wire.SUBSCRIPTION_ID, number)] if number else []
        self.send(wire.subscribe(self.version, self.next_id(), [(text, qos | options)], pairs))
        return self.next(wire.SUBACK).codes[0]

    def unsubscribe(self, text):
        self.send(wire.unsubscribe(self.version, self.next_id(), [text]))
        return self.next(wire.UNSUBACK)

    def publish(self, topic, payload, qos=0, retain=False, pairs=(), seconds=PATIENCE):
        """Publishes and waits for the end of the handshake; gives back the reason code, or None without an answer."""
        identifier = self.next_id()
        data = payload if isinstance(payload, bytes) else payload.encode()
        self.send(wire.publish(self.version, topic, data, qos, identifier, False, retain, pairs))
        if qos == 0:
            return 0
        answer = self.next(wire.PUBACK if qos == 1 else wire.PUBREC, seconds=seconds)
        if answer is None:
            return None
        if qos == 2 and answer.reason < 0x80:
            self.send(wire.acknowledge(wire.PUBREL, identifier))
            self.next(wire.PUBCOMP)
        return answer.reason

    def ping(self):
        """Returns when the broker has taken what was sent before."""
        self.send(wire.PING)
        if not self.next(wire.PINGRESP):
            raise AssertionError("no PINGRESP")

    def messages(self, count, seconds=PATIENCE):
        """Up to `count` messages; fewer when time is up."""
        found, end = [], time.monotonic() + seconds
        while len(found) < count and time.monotonic() < end:
            packet = self.next(wire.PUBLISH, seconds=end - time.monotonic())
            if packet:
                found.append(packet)
        return found

    def payloads(self, count, seconds=PATIENCE):
        return [bytes(packet.payload).decode() for packet in self.messages(count, seconds)]

    def is_silent(self, seconds=0.4):
        """Whether no message comes for some time."""
        return self.next(wire.PUBLISH, seconds=seconds) is None

    def until_closed(self, seconds=PATIENCE):
        """Reads on until the broker closes; gives back the DISCONNECT that came before, if one did."""
        last, end = None, time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                last = self.next(wire.DISCONNECT, seconds=end - time.monotonic()) or last
            except (EOFError, ConnectionResetError):
                return last
        raise AssertionError("the broker did not close the connection")

    def disconnect(self, reason=0, pairs=()):
        self.send(wire.disconnect(self.version, reason, pairs))
        self.close()

    def close(self):
        self.socket.close()

    def break_connection(self):
        """Resets the connection, as a client that was killed."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Paho:
    """paho-mqtt with its thread; messages go to a queue."""

    def __init__(self, port, name, version=5, clean=True, expiry=0, will=None):
        protocol = paho.MQTTv5 if version == 5 else paho.MQTTv311
        clean_session = None if version == 5 else clean
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=name, clean_session=clean_session, protocol=protocol
        )
        self.received, self.subscribed, self.connected = queue.Queue(), queue.Queue(), queue.Queue()
        self.client.on_message = lambda _client, _data, message: self.received.put(message)
        self.client.on_subscribe = lambda _client, _data, _id, codes, _properties: self.subscribed.put(codes)
        self.client.on_connect = lambda _client, _data, flags, code, _properties: self.connected.put((flags, code))
        if will:
            self.client.will_set(*will)
        options = {}
        if version == 5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = expiry
            options = {"clean_start": clean, "properties": properties}
        self.client.connect("127.0.0.1", port, **options)
        self.client.loop_start()
        flags, code = self.connected.get(timeout=PATIENCE)
        self.session_present, self.code = flags.session_present, code

    def subscribe(self, text, qos=0):
        self.client.subscribe(text, qos)
        return self.subscribed.get(timeout=PATIENCE)

    def publish(self, topic, payload, qos=0, retain=False):
        """Waits until the handshake is over."""
        self.client.publish(topic, payload, qos, retain).wait_for_publish(PATIENCE)

    def message(self, seconds=PATIENCE):
        return self.received.get(timeout=seconds)

    def payloads(self, count):
        return [self.message().payload.decode() for _ in range(count)]

    def break_connection(self):
        """Ends without a DISCONNECT."""
        self.client.loop_stop()
        self.client.socket().close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()


class MosquittoSub:
    """mosquitto_sub in a process of its own, subscribed once the constructor returns."""

    def __init__(self, port, *arguments, version=5, count=1):
        command = [
            "stdbuf", "-oL", "mosquitto_sub", "-d", "-h", "127.0.0.1", "-p", str(port), "-V", name_of(version),
            "-C", str(count), "-W", str(PATIENCE), "-F", "> %q %r %t %p", *arguments,
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.before = []
        for line in self.process.stdout:
            self.before.append(line)
            if line.startswith(("Subscribed", "> ")):  # A session that resumes may get its messages first.
                return
        raise AssertionError(f"mosquitto_sub did not subscribe: {self.before}")

    def lines(self):
        """What was received, as "qos retain topic payload", when the count is reached or time is up."""
        whole = "".join(self.before) + self.process.stdout.read()
        self.process.stdout.close()
        self.process.wait(PATIENCE)
        return [line[2:] for line in whole.splitlines() if line.startswith("> ")]


def mosquitto_pub(port, *arguments, version=5, data=None):
    command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-V", name_of(version), *arguments]
    done = subprocess.run(
        command, input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE * 2, check=False
    )
    if done.returncode:
        raise AssertionError(f"mosquitto_pub: {done.returncode} {done.stdout!r}")


def name_of(version):
    return {3: "mqttv31", 4: "mqttv311", 5: "mqttv5"}[version]
