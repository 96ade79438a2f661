package nestbox.x86.insn;

/** The instruction bytes at hand, read from left to right and at most {@link Decoder#MAX_LENGTH} of them. */
final class Bytes {
    private byte[] code;
    private int at;
    private int end;

    void open(byte[] bytes, int from, int to) {
        code = bytes;
        at = from;
        end = Math.min(to, from + Decoder.MAX_LENGTH);
    }

    int position() {
        return at;
    }

    /** The next byte, or -1 if it is not at hand. */
    int next() {
        return at < end ? code[at++] & 0xff : -1;
    }

    /** The next byte without consuming it, or -1. */
    int peek() {
        return at < end ? code[at] & 0xff : -1;
    }

    /** Consumes {@code count} bytes if they are at hand, and otherwise all that are. */
    boolean take(int count) {
        if (end - at < count) {
            at = end;
            return false;
        }
        at += count;
        return true;
    }

    /** The little-endian value of the {@code count} bytes last taken, sign-extended. */
    long taken(int count) {
        long value = code[at - 1];
        for (int i = 2; i <= count; i++) {
            value = value << 8 | code[at - i] & 0xff;
        }
        return value;
    }
}
