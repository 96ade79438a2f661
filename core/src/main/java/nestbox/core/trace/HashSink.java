package nestbox.core.trace;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * SHA-256 over all events: equal hashes mean equal traces. An event enters as its name (UTF-8, ended by a zero byte), then
 * time, processor, level and each field as big-endian 64-bit numbers, so that other entries of the tables do not matter.
 */
public final class HashSink implements TraceSink {
    private final MessageDigest digest;
    private final ByteBuffer buffer = ByteBuffer.allocate(1 << 13);
    private long events;
    private String result;

    public HashSink() {
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    @Override
    public void event(TraceEventType type, long time, int cpu, int level, long[] values) {
        byte[] name = type.name().getBytes(StandardCharsets.UTF_8);
        int fields = type.fields().size();
        if (buffer.remaining() < name.length + 1 + 8 * (3 + fields)) {
            drain();
        }
        buffer.put(name).put((byte) 0).putLong(time).putLong(cpu).putLong(level);
        for (int i = 0; i < fields; i++) {
            buffer.putLong(values[i]);
        }
        events++;
    }

    private void drain() {
        buffer.flip();
        digest.update(buffer);
        buffer.clear();
    }

    /** How many events the hash covers. */
    public long events() {
        return events;
    }

    @Override
    public void close() {
        if (result == null) {
            drain();
            result = HexFormat.of().formatHex(digest.digest());
        }
    }

    /** The hash in hexadecimal; ends the trace. */
    public String hash() {
        close();
        return result;
    }
}
