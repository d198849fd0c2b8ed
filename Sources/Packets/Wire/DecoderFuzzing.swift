// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Roost authors

internal import NIOCore

/// The entry of the fuzz target, which as a package of its own sees only what is public.
public enum DecoderFuzzing {
    /// Feeds `bytes` to a decoder of every version and role, and traps when the decoder contradicts itself.
    ///
    /// It must end quickly and without a trap for any bytes: in place and as a value a packet must say the same,
    /// and what was read must be read again after it was written.
    public static func run(_ bytes: UnsafeRawBufferPointer) {
        for isServer in [true, false] {
            for version in [nil] + ProtocolVersion.allCases {
                read(bytes, Decoder(packetBytesMax: 65_536, isServer: isServer, version: version))
            }
        }
        var text = bytes
        while !text.isEmpty {
            checkText(text)
            text = UnsafeRawBufferPointer(rebasing: text.dropFirst(max(1, text.count / 4)))
        }
    }

    /// Reads packet after packet, until one is refused or incomplete.
    private static func read(_ bytes: UnsafeRawBufferPointer, _ decoder: Decoder) {
        var decoder = decoder
        var offset = 0
        do throws(DecodeError) {
            while let frame = try decoder.scan(bytes, from: offset) {
                precondition(frame.start == offset && frame.body > offset && frame.end >= frame.body)
                precondition(frame.end <= bytes.count)
                offset = frame.end
                try read(frame, bytes, &decoder)
            }
        } catch {
            precondition(error.isMalformed == (error.reason == .malformedPacket))
        }
    }

    private static func read(
        _ frame: Frame, _ bytes: UnsafeRawBufferPointer, _ decoder: inout Decoder
    ) throws(DecodeError) {
        let before = decoder
        let view = frame.type == .publish ? try decoder.publish(frame, in: bytes) : nil
        let packet = try decoder.packet(frame, in: bytes)
        if case .publish(let publish) = packet, let view { compare(view, publish, bytes) }
        guard let version = decoder.version else {
            preconditionFailure("a packet was read without a version")
        }
        writeAndRead(packet, version, before)
    }

    private static func compare(_ view: PublishView, _ publish: Publish, _ bytes: UnsafeRawBufferPointer) {
        precondition(view.topic.slice(of: bytes).elementsEqual(publish.topic.bytes))
        precondition(view.payload.slice(of: bytes).elementsEqual(publish.payload))
        precondition(view.packetID == publish.packetID && view.qos == publish.qos)
        precondition(view.topicAlias == publish.properties.topicAlias ?? 0)
        precondition(view.messageExpiry == publish.properties.messageExpiry)
        var forwarded: [UInt8] = []
        view.appendForwardedProperties(from: bytes, to: &forwarded)
        precondition(forwarded.count <= view.properties.count)
        precondition(!view.forwardsAll || forwarded.count == view.properties.count)
    }

    /// What was read is written and read again as the same.
    private static func writeAndRead(_ packet: Packet, _ version: ProtocolVersion, _ decoder: Decoder) {
        var buffer = ByteBuffer()
        precondition(packet.encode(into: &buffer, version: version), "what was read can be written")
        var decoder = decoder
        decoder.packetBytesMax = .max
        buffer.withUnsafeReadableBytes { bytes in
            do throws(DecodeError) {
                guard let frame = try decoder.scan(bytes, from: 0) else {
                    preconditionFailure("what is written is complete")
                }
                let copy = try decoder.packet(frame, in: bytes)
                precondition(copy == packet, "what is written is the same")
            } catch {
                preconditionFailure("what is written is valid: \(error)")
            }
        }
    }

    /// The fast judgement of texts agrees with the standard library's.
    private static func checkText(_ bytes: UnsafeRawBufferPointer) {
        let isValid = String(validating: bytes, as: UTF8.self) != nil && !bytes.contains(0)
        precondition((TextCheck.fault(in: bytes) == nil) == isValid)
        let isTopic = isValid && !bytes.isEmpty && bytes.count <= 65_535 && !TextCheck.hasWildcard(bytes)
        precondition(TopicName.isValid(bytes) == isTopic)
        if let filter = TopicFilter(Text(bytes: Array(bytes))) {
            precondition(isValid && !filter.filter.isEmpty)
            precondition((filter.share == nil) == (filter.filter == filter.text))
        }
    }
}
