# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""What happened in a round of the crash test, in the order in which the clients did and saw it.

An event is a list whose first item is its kind, its second the tick (its place in the ledger):

  publish    key topic qos retain    first sent; `key` names the message, and opens its payload
  resend     key                     sent again with DUP
  ack        key                     PUBACK, or the first PUBREC or PUBCOMP
  will       key topic qos           a connection was opened with this will
  willdue    key                     that connection broke after its CONNACK
  willvoid   key                     that connection ended with a DISCONNECT
  connect    session clean           CONNECT sent; a session is a client identifier and a generation
  connack    session present         CONNACK received
  ended      session                 the session ended for certain
  subscribe  session filter qos id flags     SUBSCRIBE sent; `flags` has "l" no local, "r" retain as published
  suback     session filter code
  unsubscribe / unsuback  session filter [code]
  receive    session connection key qos dup retain ids again [packet id]
                                  `ids` of subscriptions; `again`: QoS 2, and its packet id is not yet released
  puback     session key             the PUBACK of a delivery was sent
  retained   topic key when          a fresh subscriber got (or, with key None, did not get) this retained value
  snapshot   when                    a fresh subscriber subscribed to all retained topics ...
  kept       when                    ... and has them all
  settled                    a shutdown in good order after everything was delivered
  broken     session reason          the broker closed a connection that it had no reason to close
  kill / start               of the broker
  storedown / storeup        the Redis server was killed / is about to start
  note       text
"""
import json


class Ledger:
    def __init__(self, events=None):
        self.events = events if events is not None else []

    def add(self, kind, *fields):
        self.events.append([kind, len(self.events), *fields])

    @property
    def tick(self):
        return len(self.events)

    def of(self, *kinds):
        return [event for event in self.events if event[0] in kinds]

    def save(self, path):
        with open(path, "w", encoding="utf-8") as file:
            for event in self.events:
                file.write(json.dumps(event) + "\n")

    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as file:
            return cls([json.loads(line) for line in file])


def message_key(publisher, qos, topic, sequence):
    return f"{publisher}:{qos}:{topic}:{sequence}"


def split_key(key):
    """(publisher, qos, topic, sequence)"""
    publisher, qos, topic, sequence = key.split(":")
    return publisher, int(qos), topic, int(sequence)
