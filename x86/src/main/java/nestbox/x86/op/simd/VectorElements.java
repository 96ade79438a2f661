package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** Single elements in and out of vector registers, and extensions of elements (SSE4.1 and AVX; SDM Vol. 2). */
final class VectorElements {
    private static final long LOW = 0xffffffffL;

    private VectorElements() {}

    /** The handler, or null; {@code base} is the mnemonic without VEX's V. */
    static Handler bind(Insn in, String base) {
        if (base.startsWith("PMOVSX") || base.startsWith("PMOVZX")) {
            int from = bits(base.charAt(6));
            int to = bits(base.charAt(7));
            boolean signed = base.charAt(4) == 'S';
            return (c, i) -> extend(c, i, from, to, signed);
        }
        switch (base) {
            case "PEXTRB":
                return (c, i) -> extract(c, i, 8);
            case "PEXTRW":
                return in.form.operands().get(1).charAt(0) == 'U'
                        ? (c, i) -> extractWord(c, i)
                        : (c, i) -> extract(c, i, 16);
            case "PEXTRD":
            case "EXTRACTPS":
                return (c, i) -> extract(c, i, 32);
            case "PEXTRQ":
                return (c, i) -> extract(c, i, 64);
            case "PINSRB":
                return (c, i) -> insert(c, i, 8);
            case "PINSRW":
                return (c, i) -> insert(c, i, 16);
            case "PINSRD":
                return (c, i) -> insert(c, i, 32);
            case "PINSRQ":
                return (c, i) -> insert(c, i, 64);
            case "INSERTPS":
                return VectorElements::insertps;
            default:
                return null;
        }
    }

    private static int bits(char letter) {
        return letter == 'B' ? 8 : letter == 'W' ? 16 : letter == 'D' ? 32 : 64;
    }

    private static void extend(Cpu c, Insn in, int from, int to, boolean signed) {
        VectorAccess.check(c, in);
        int bytes = VectorAccess.bytes(in);
        int s = VectorAccess.source(c, in, bytes * from / to);
        int d = in.reg << 2;
        // From the last lane down, so that the source's elements are read before their register is overwritten.
        for (int lane = (bytes >> 3) - 1; lane >= 0; lane--) {
            int elements = 64 / to;
            long r = 0;
            for (int j = 0; j < elements; j++) {
                int at = (lane * elements + j) * from;
                long value = c.v[s + (at >> 6)] >>> at;
                value = signed ? Operands.signExtend(value, from) : Operands.zeroExtend(value, from);
                r |= Operands.zeroExtend(value, to) << j * to;
            }
            c.v[d + lane] = r;
        }
        VectorAccess.close(c, in, d);
    }

    private static long element(long[] v, int at, int bits, int n) {
        int bit = n * bits & 127;
        return v[at + (bit >> 6)] >>> (bit & 63);
    }

    /** To a general register (zero-extended) or to memory. */
    private static void extract(Cpu c, Insn in, int bits) {
        VectorAccess.check(c, in);
        long value = Operands.zeroExtend(element(c.v, in.reg << 2, bits, (int) in.imm), bits);
        if (in.memory) {
            c.mem.store(bits, Operands.linear(c, in, bits >> 3, true), Operands.faultSegment(in), value);
        } else {
            c.r[in.rm] = value;
        }
    }

    /** SSE2's PEXTRW, whose source is the r/m operand. */
    private static void extractWord(Cpu c, Insn in) {
        VectorAccess.check(c, in);
        c.r[in.reg] = element(c.v, in.rm << 2, 16, (int) in.imm) & 0xffff;
    }

    private static void insert(Cpu c, Insn in, int bits) {
        VectorAccess.check(c, in);
        long value = in.memory
                ? c.mem.load(bits, Operands.linear(c, in, bits >> 3, false), Operands.faultSegment(in))
                : c.r[in.rm];
        int bit = (int) in.imm * bits & 127;
        long mask = (bits == 64 ? -1 : (1L << bits) - 1) << bit;
        int a = VectorAccess.first(in);
        int d = in.reg << 2;
        long low = c.v[a];
        long high = c.v[a + 1];
        long moved = value << bit;
        c.v[d] = bit < 64 ? Sse4Lanes.select(low, moved, mask) : low;
        c.v[d + 1] = bit < 64 ? high : Sse4Lanes.select(high, moved, mask);
        VectorAccess.closeScalar(c, in, d);
    }

    /** Bits 7:6 of the immediate choose the source's element (a register's), 5:4 the destination's, 3:0 those to clear. */
    private static void insertps(Cpu c, Insn in) {
        VectorAccess.check(c, in);
        int imm = (int) in.imm;
        long value = in.memory
                ? c.mem.load32(Operands.linear(c, in, 4, false), Operands.faultSegment(in))
                : element(c.v, in.rm << 2, 32, imm >>> 6 & 3) & LOW;
        int a = VectorAccess.first(in);
        int d = in.reg << 2;
        long low = c.v[a];
        long high = c.v[a + 1];
        int shift = (imm >>> 4 & 1) * 32;
        if ((imm & 0x20) == 0) {
            low = Sse4Lanes.select(low, value << shift, LOW << shift);
        } else {
            high = Sse4Lanes.select(high, value << shift, LOW << shift);
        }
        c.v[d] = low & ~zeroed(imm);
        c.v[d + 1] = high & ~zeroed(imm >>> 2);
        VectorAccess.closeScalar(c, in, d);
    }

    private static long zeroed(int bits) {
        return -(bits & 1L) & LOW | -(bits >>> 1 & 1L) << 32;
    }
}
