package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM (SDM Vol. 2B, "Imm8 Control Byte Operation for PCMPESTRI..."). */
final class StringCompare {
    private static final int ANY = 0;
    private static final int RANGES = 1;
    private static final int EACH = 2;

    private StringCompare() {}

    static Handler bind(String mnemonic) {
        switch (mnemonic) {
            case "PCMPESTRI":
                return (c, in) -> run(c, in, true, true);
            case "PCMPESTRM":
                return (c, in) -> run(c, in, true, false);
            case "PCMPISTRI":
                return (c, in) -> run(c, in, false, true);
            case "PCMPISTRM":
                return (c, in) -> run(c, in, false, false);
            default:
                return null;
        }
    }

    private static void run(Cpu c, Insn in, boolean explicit, boolean index) {
        VectorAccess.check(c, in);
        int b = VectorAccess.source(c, in, 16);
        int a = in.reg << 2;
        int control = (int) in.imm;
        int n = (control & 1) != 0 ? 8 : 16;
        boolean wide = in.w && in.codeSize == 64;
        int lengthA = explicit ? length(c.r[Reg.RAX], wide, n) : length(c.v, a, control, n);
        int lengthB = explicit ? length(c.r[Reg.RDX], wide, n) : length(c.v, b, control, n);
        int all = (1 << n) - 1;
        int result = aggregate(c.v, a, b, control, n, lengthA, lengthB);
        if ((control & 0x10) != 0) {
            result ^= (control & 0x20) != 0 ? (1 << lengthB) - 1 : all;
        }
        Flags.setArithmetic(
                c,
                (result != 0 ? Flags.CF : 0)
                        | (lengthB < n ? Flags.ZF : 0)
                        | (lengthA < n ? Flags.SF : 0)
                        | ((result & 1) != 0 ? Flags.OF : 0));
        boolean expanded = (control & 0x40) != 0;
        if (index) {
            int last = 31 - Integer.numberOfLeadingZeros(result);
            c.r[Reg.RCX] = result == 0 ? n : expanded ? last : Integer.numberOfTrailingZeros(result);
        } else {
            c.v[0] = expanded ? expand(result, n) : result;
            c.v[1] = expanded ? expand(result >>> n / 2, n) : 0;
            VectorAccess.closeScalar(c, in, 0);
        }
    }

    /** The magnitude of a length register, at most {@code n}. */
    private static int length(long register, boolean wide, int n) {
        long value = wide ? register : (int) register;
        long magnitude = value < 0 ? -value : value;
        return magnitude < 0 || magnitude > n ? n : (int) magnitude;
    }

    /** Number of elements before the first that is 0. */
    private static int length(long[] v, int at, int control, int n) {
        int i = 0;
        while (i < n && element(v, at, i, control) != 0) {
            i++;
        }
        return i;
    }

    private static int element(long[] v, int at, int i, int control) {
        if ((control & 1) != 0) {
            int word = (int) (v[at + (i >> 2)] >>> 16 * (i & 3));
            return (control & 2) != 0 ? (short) word : word & 0xffff;
        }
        int octet = (int) (v[at + (i >> 3)] >>> 8 * (i & 7));
        return (control & 2) != 0 ? (byte) octet : octet & 0xff;
    }

    /** One bit for each element of the second string. */
    private static int aggregate(long[] v, int a, int b, int control, int n, int lengthA, int lengthB) {
        int result = 0;
        for (int j = 0; j < n; j++) {
            boolean bit;
            switch (control >>> 2 & 3) {
                case ANY:
                    bit = j < lengthB && contains(v, a, element(v, b, j, control), control, lengthA);
                    break;
                case RANGES:
                    bit = j < lengthB && inRange(v, a, element(v, b, j, control), control, lengthA);
                    break;
                case EACH:
                    bit = j < lengthA && j < lengthB
                            ? element(v, a, j, control) == element(v, b, j, control)
                            : j >= lengthA && j >= lengthB;
                    break;
                default:
                    bit = startsAt(v, a, b, j, control, n, lengthA, lengthB);
                    break;
            }
            result |= bit ? 1 << j : 0;
        }
        return result;
    }

    private static boolean contains(long[] v, int a, int value, int control, int lengthA) {
        for (int i = 0; i < lengthA; i++) {
            if (element(v, a, i, control) == value) {
                return true;
            }
        }
        return false;
    }

    private static boolean inRange(long[] v, int a, int value, int control, int lengthA) {
        for (int i = 0; i + 1 < lengthA; i += 2) {
            if (element(v, a, i, control) <= value && value <= element(v, a, i + 1, control)) {
                return true;
            }
        }
        return false;
    }

    /** Whether the first string lies in the second from element {@code j} on, as far as the register shows. */
    private static boolean startsAt(long[] v, int a, int b, int j, int control, int n, int lengthA, int lengthB) {
        for (int i = 0; i < lengthA && i + j < n; i++) {
            if (i + j >= lengthB || element(v, a, i, control) != element(v, b, i + j, control)) {
                return false;
            }
        }
        return true;
    }

    /** Half of the result's bits as elements of all ones or zeros. */
    private static long expand(int result, int n) {
        int width = 128 / n;
        long ones = (1L << width) - 1;
        long r = 0;
        for (int i = 0; i < n / 2; i++) {
            r |= (result >>> i & 1) != 0 ? ones << i * width : 0;
        }
        return r;
    }
}
