package nestbox.x86.op.simd;

/** The steps of SHA-1 and SHA-256 (SDM Vol. 2, "SHA1RNDS4" and its kin). */
final class Sha {
    private static final int[] SHA1_CONSTANTS = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};

    private Sha() {}

    static Half of(String mnemonic) {
        switch (mnemonic) {
            case "SHA1NEXTE":
                return (v, d, a, b, imm) -> Halves.set(
                        v, d, v[b], v[b + 1] & 0xffffffffL | (v[b + 1] >>> 32) + rotated(v[a + 1] >>> 32, 30) << 32);
            case "SHA1MSG1":
                return (v, d, a, b, imm) -> Halves.set(v, d, v[a] ^ v[b + 1], v[a + 1] ^ v[a]);
            case "SHA1MSG2":
                return Sha::sha1Second;
            case "SHA1RNDS4":
                return Sha::sha1Rounds;
            case "SHA256MSG1":
                return Sha::sha256First;
            case "SHA256MSG2":
                return Sha::sha256Second;
            case "SHA256RNDS2":
                return Sha::sha256Rounds;
            default:
                return null;
        }
    }

    private static int word(long[] v, int at, int n) {
        return (int) (v[at + (n >> 1)] >>> 32 * (n & 1));
    }

    private static long lane(int low, int high) {
        return low & 0xffffffffL | (long) high << 32;
    }

    private static long rotated(long word, int by) {
        return Integer.rotateLeft((int) word, by) & 0xffffffffL;
    }

    private static void sha1Second(long[] v, int d, int a, int b, int imm) {
        int first = Integer.rotateLeft(word(v, a, 3) ^ word(v, b, 2), 1);
        int second = Integer.rotateLeft(word(v, a, 2) ^ word(v, b, 1), 1);
        int third = Integer.rotateLeft(word(v, a, 1) ^ word(v, b, 0), 1);
        int fourth = Integer.rotateLeft(word(v, a, 0) ^ first, 1);
        Halves.set(v, d, lane(fourth, third), lane(second, first));
    }

    private static int choose(int kind, int b, int c, int d) {
        switch (kind) {
            case 0:
                return b & c ^ ~b & d;
            case 2:
                return b & c ^ b & d ^ c & d;
            default:
                return b ^ c ^ d;
        }
    }

    private static void sha1Rounds(long[] v, int dest, int source, int words, int imm) {
        int kind = imm & 3;
        int a = word(v, source, 3);
        int b = word(v, source, 2);
        int c = word(v, source, 1);
        int d = word(v, source, 0);
        int e = 0;
        for (int i = 3; i >= 0; i--) {
            int next = choose(kind, b, c, d) + Integer.rotateLeft(a, 5) + word(v, words, i) + e + SHA1_CONSTANTS[kind];
            e = d;
            d = c;
            c = Integer.rotateLeft(b, 30);
            b = a;
            a = next;
        }
        Halves.set(v, dest, lane(d, c), lane(b, a));
    }

    private static int small0(int x) {
        return Integer.rotateRight(x, 7) ^ Integer.rotateRight(x, 18) ^ x >>> 3;
    }

    private static int small1(int x) {
        return Integer.rotateRight(x, 17) ^ Integer.rotateRight(x, 19) ^ x >>> 10;
    }

    private static void sha256First(long[] v, int d, int a, int b, int imm) {
        int first = word(v, a, 0) + small0(word(v, a, 1));
        int second = word(v, a, 1) + small0(word(v, a, 2));
        int third = word(v, a, 2) + small0(word(v, a, 3));
        int fourth = word(v, a, 3) + small0(word(v, b, 0));
        Halves.set(v, d, lane(first, second), lane(third, fourth));
    }

    private static void sha256Second(long[] v, int d, int a, int b, int imm) {
        int first = word(v, a, 0) + small1(word(v, b, 2));
        int second = word(v, a, 1) + small1(word(v, b, 3));
        int third = word(v, a, 2) + small1(first);
        int fourth = word(v, a, 3) + small1(second);
        Halves.set(v, d, lane(first, second), lane(third, fourth));
    }

    /** Two rounds; the words with their constants are in XMM0. */
    private static void sha256Rounds(long[] v, int dest, int cdgh, int abef, int imm) {
        int a = word(v, abef, 3);
        int b = word(v, abef, 2);
        int c = word(v, cdgh, 3);
        int d = word(v, cdgh, 2);
        int e = word(v, abef, 1);
        int f = word(v, abef, 0);
        int g = word(v, cdgh, 1);
        int h = word(v, cdgh, 0);
        for (int i = 0; i < 2; i++) {
            int sum = (e & f ^ ~e & g)
                    + (Integer.rotateRight(e, 6) ^ Integer.rotateRight(e, 11) ^ Integer.rotateRight(e, 25))
                    + word(v, 0, i)
                    + h;
            int top = (a & b ^ a & c ^ b & c)
                    + (Integer.rotateRight(a, 2) ^ Integer.rotateRight(a, 13) ^ Integer.rotateRight(a, 22));
            h = g;
            g = f;
            f = e;
            e = d + sum;
            d = c;
            c = b;
            b = a;
            a = sum + top;
        }
        Halves.set(v, dest, lane(f, e), lane(b, a));
    }
}
