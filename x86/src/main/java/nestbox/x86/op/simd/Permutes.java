package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** AVX and AVX2 instructions that move elements or halves across the whole vector: broadcasts, permutes, inserts, extracts. */
final class Permutes {
    private Permutes() {}

    /** The handler, or null; {@code base} is the mnemonic without V. */
    static Handler bind(Insn form, String base) {
        int imm = (int) form.imm & 0xff;
        switch (base) {
            case "BROADCASTSS":
            case "PBROADCASTD":
                return (c, in) -> broadcast(c, in, 4);
            case "BROADCASTSD":
            case "PBROADCASTQ":
                return (c, in) -> broadcast(c, in, 8);
            case "PBROADCASTB":
                return (c, in) -> broadcast(c, in, 1);
            case "PBROADCASTW":
                return (c, in) -> broadcast(c, in, 2);
            case "BROADCASTF128":
            case "BROADCASTI128":
                return Permutes::broadcastHalf;
            case "INSERTF128":
            case "INSERTI128":
                return (c, in) -> insert(c, in, imm & 1);
            case "EXTRACTF128":
            case "EXTRACTI128":
                return (c, in) -> extract(c, in, imm & 1);
            case "PERM2F128":
            case "PERM2I128":
                return (c, in) -> halves(c, in, imm);
            case "PERMQ":
            case "PERMPD":
                return (c, in) -> quadwords(c, in, imm);
            case "PERMD":
            case "PERMPS":
                return Permutes::doublewords;
            default:
                return null;
        }
    }

    private static void broadcast(Cpu c, Insn in, int bytes) {
        VectorAccess.checkAvx(c);
        long value = c.v[VectorAccess.source(c, in, bytes)];
        for (int width = 8 * bytes; width < 64; width *= 2) {
            value = value & (1L << width) - 1 | value << width;
        }
        int d = in.reg << 2;
        for (int i = 0; i < 4; i++) {
            c.v[d + i] = value;
        }
        VectorAccess.close(c, in, d);
    }

    private static void broadcastHalf(Cpu c, Insn in) {
        VectorAccess.checkAvx(c);
        int s = VectorAccess.source(c, in, 16);
        int d = in.reg << 2;
        Halves.set(c.v, d, c.v[s], c.v[s + 1]);
        Halves.set(c.v, d + 2, c.v[s], c.v[s + 1]);
    }

    private static void insert(Cpu c, Insn in, int half) {
        VectorAccess.checkAvx(c);
        int s = VectorAccess.source(c, in, 16);
        long low = c.v[s];
        long high = c.v[s + 1];
        int d = in.reg << 2;
        System.arraycopy(c.v, in.vvvv << 2, c.v, d, 4);
        Halves.set(c.v, d + 2 * half, low, high);
    }

    private static void extract(Cpu c, Insn in, int half) {
        VectorAccess.checkAvx(c);
        int s = (in.reg << 2) + 2 * half;
        if (in.memory) {
            VectorAccess.store(c, in, 16, false, s);
        } else {
            int d = in.rm << 2;
            Halves.set(c.v, d, c.v[s], c.v[s + 1]);
            Halves.set(c.v, d + 2, 0, 0);
        }
    }

    /** Bits 1:0 and 5:4 choose among the four halves of both sources, bits 3 and 7 clear. */
    private static void halves(Cpu c, Insn in, int imm) {
        VectorAccess.checkAvx(c);
        int b = VectorAccess.source(c, in);
        int a = in.vvvv << 2;
        int first = ((imm & 2) != 0 ? b : a) + 2 * (imm & 1);
        int second = ((imm & 0x20) != 0 ? b : a) + 2 * (imm >>> 4 & 1);
        long keepFirst = (imm & 8) != 0 ? 0 : -1;
        long keepSecond = (imm & 0x80) != 0 ? 0 : -1;
        long[] v = c.v;
        long r0 = v[first] & keepFirst;
        long r1 = v[first + 1] & keepFirst;
        long r2 = v[second] & keepSecond;
        long r3 = v[second + 1] & keepSecond;
        write(v, in.reg << 2, r0, r1, r2, r3);
    }

    private static void write(long[] v, int d, long r0, long r1, long r2, long r3) {
        Halves.set(v, d, r0, r1);
        Halves.set(v, d + 2, r2, r3);
    }

    private static void quadwords(Cpu c, Insn in, int imm) {
        VectorAccess.checkAvx(c);
        int s = VectorAccess.source(c, in);
        long[] v = c.v;
        write(v, in.reg << 2, v[s + (imm & 3)], v[s + (imm >>> 2 & 3)], v[s + (imm >>> 4 & 3)], v[s + (imm >>> 6)]);
    }

    /** VEX.vvvv names the doublewords of the r/m operand. */
    private static void doublewords(Cpu c, Insn in) {
        VectorAccess.checkAvx(c);
        int s = VectorAccess.source(c, in);
        int order = in.vvvv << 2;
        long[] v = c.v;
        long r0 = chosen(v, s, v[order]);
        long r1 = chosen(v, s, v[order + 1]);
        long r2 = chosen(v, s, v[order + 2]);
        long r3 = chosen(v, s, v[order + 3]);
        write(v, in.reg << 2, r0, r1, r2, r3);
    }

    private static long chosen(long[] v, int s, long order) {
        return doubleword(v, s, (int) order & 7) | doubleword(v, s, (int) (order >>> 32) & 7) << 32;
    }

    private static long doubleword(long[] v, int s, int n) {
        return v[s + (n >> 1)] >>> 32 * (n & 1) & 0xffffffffL;
    }
}
