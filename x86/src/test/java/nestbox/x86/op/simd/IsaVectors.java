package nestbox.x86.op.simd;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Decoder;
import nestbox.x86.insn.Insn;
import nestbox.x86.testing.TestCpu;

/**
 * Replays what {@code src/test/c/isavectors.c} recorded: makes the same operands from the same generator, executes, and compares
 * hashes of the results (or the results themselves, see {@link #main}).
 */
final class IsaVectors {
    private static final long DATA = 0x8000;
    private static final int RESULTS = 24;
    private static final long PRIME = 0x9E3779B97F4A7C15L;
    private static final byte[] CORNERS = {0, (byte) 0xff, (byte) 0x80, 0x7f, 1};
    private static final byte[] LETTERS = {0, 'a', 'a', 'b', 'z', (byte) 0x80, (byte) 0xff, 'b'};

    final List<String> mismatches = new ArrayList<>();
    int forms;
    int count;

    private final Cpu cpu = TestCpu.mode64();
    private final Decoder decoder = new Decoder(cpu.features);
    private final long[] lanes = new long[16];
    private final long[] memory = new long[8];
    private final long[] results = new long[RESULTS];
    private long state;
    private long rax;
    private long rcx;
    private long rdx;
    private int mxcsr;
    private int immediate;

    IsaVectors() {
        cpu.cr4 |= Cpu.CR4_OSFXSR | Cpu.CR4_OSXMMEXCPT | Cpu.CR4_OSXSAVE;
        cpu.xcr0 = 7;
    }

    // ---- the generator, as in isavectors.c ----

    private long random() {
        state ^= state << 13;
        state ^= state >>> 7;
        state ^= state << 17;
        return state * 0x2545F4914F6CDD1DL;
    }

    private int below(int n) {
        return (int) ((random() >>> 33) % n);
    }

    private long real(int e, int f) {
        long bias = (1L << e - 1) - 1;
        long fraction = random() & (1L << f) - 1;
        long exponent;
        switch (below(7)) {
            case 0:
                exponent = bias + below(2 * f) - f;
                break;
            case 1:
                exponent = bias + below(4);
                fraction &= -(1L << below(f));
                break;
            case 2:
                exponent = below(3);
                fraction &= -(1L << below(f));
                break;
            case 3:
                exponent = 2 * bias - 1 + below(3);
                fraction &= -(1L << below(f));
                break;
            case 4:
                exponent = below(2) * (2 * bias + 1);
                fraction = below(3) == 0 ? 0 : fraction;
                break;
            case 5:
                exponent = bias + below(4) * f / 2;
                fraction = below(2) != 0 ? 0 : (1L << f) - 1;
                break;
            default:
                exponent = random() & 2 * bias + 1;
                break;
        }
        return (exponent & 2 * bias + 1) << f | fraction | (random() & 1) << e + f;
    }

    private long bytes(byte[] of) {
        long v = 0;
        for (int i = 0; i < 8; i++) {
            v = v << 8 | of[below(of.length)] & 0xff;
        }
        return v;
    }

    private long integer() {
        switch (below(4)) {
            case 0:
                return bytes(CORNERS);
            case 1:
                long value = random();
                return value >>> below(64);
            case 2:
                long low = below(70);
                return low | (long) below(70) << 32;
            default:
                return random();
        }
    }

    private long lane(int kind) {
        switch (kind) {
            case 1:
                long low = real(8, 23);
                return low | real(8, 23) << 32;
            case 2:
                return real(11, 52);
            case 3:
                long v = 0;
                for (int i = 0; i < 4; i++) {
                    v = v << 16 | real(5, 10);
                }
                return v;
            case 6:
                return bytes(LETTERS);
            default:
                return integer();
        }
    }

    private long index(int kind) {
        long low = below(8);
        return kind == 4 ? low | (long) below(8) << 32 : low;
    }

    private void generate(int number, int n, int formKind, int formFlags) {
        state = ((long) number << 20 | n) * PRIME + 12345;
        for (int i = 0; i < 4; i++) {
            random();
        }
        int kind = formKind >= 1 && formKind <= 3 && below(16) == 0 ? 0 : formKind;
        for (int i = 0; i < 16; i++) {
            lanes[i] = i >> 2 == 2 && (kind == 4 || kind == 5) ? index(kind) : lane(kind);
        }
        for (int i = 0; i < 8; i++) {
            memory[i] = lane(kind);
        }
        if (below(8) == 0) {
            System.arraycopy(lanes, 0, lanes, 4, 4);
        }
        rax = kind == 6 ? below(50) - 25 : integer();
        rcx = integer();
        rdx = kind == 6 ? below(50) - 25 : integer();
        int mode = below(3);
        int masks = (int) random() & 0x3f;
        int flags = (int) random() & 0x3f;
        mxcsr = 0x1f80 | below(2) << 5;
        if (mode != 0) {
            masks = mode == 1 || (formFlags & 2) != 0 ? 0x3f : masks;
            flags &= masks;
            mxcsr = masks << 7 | flags | below(4) << 13;
            mxcsr |= below(4) == 0 ? 1 << 6 : 0;
            mxcsr |= below(4) == 0 ? 1 << 15 : 0;
        }
        immediate = below(2) != 0 ? (int) random() & 0xff : below(18);
    }

    // ---- replay ----

    private void execute(byte[] form) {
        int length = form[2];
        byte[] code = java.util.Arrays.copyOfRange(form, 3, 3 + length);
        if ((form[1] & 1) != 0) {
            code[length - 1] = (byte) immediate;
        }
        Insn in = decoder.decode(code, 0, length, 64);
        cpu.fpu.init();
        System.arraycopy(lanes, 0, cpu.v, 0, 16);
        cpu.fpu.mant[0] = lanes[0];
        cpu.fpu.mant[1] = lanes[4];
        for (int i = 0; i < 8; i++) {
            cpu.physical.write(DATA + 8 * i, 8, memory[i]);
        }
        cpu.r[Reg.RAX] = rax;
        cpu.r[Reg.RCX] = rcx;
        cpu.r[Reg.RDX] = rdx;
        cpu.r[Reg.RDI] = DATA;
        cpu.mxcsr = mxcsr;
        Flags.setArithmetic(cpu, Flags.ZF | Flags.PF);
        long fault = 0;
        try {
            in.handler.execute(cpu, in);
        } catch (GuestFault e) {
            fault = e.vector == Vector.XM ? 1 : 100 + e.vector;
        }
        System.arraycopy(cpu.v, 0, results, 0, 8);
        for (int i = 0; i < 8; i++) {
            results[8 + i] = cpu.physical.read(DATA + 8 * i, 8);
        }
        results[16] = cpu.r[Reg.RAX];
        results[17] = cpu.r[Reg.RCX];
        results[18] = cpu.fpu.mant[0];
        results[19] = Flags.arithmetic(cpu);
        results[20] = cpu.mxcsr;
        results[21] = fault;
    }

    private long hash(long start) {
        long hash = start;
        for (long result : results) {
            hash = (hash ^ result) * PRIME;
            hash ^= hash >>> 32;
        }
        return hash;
    }

    private String name(byte[] form) {
        byte[] code = java.util.Arrays.copyOfRange(form, 3, 3 + form[2]);
        return decoder.decode(code, 0, code.length, 64) + " [" + HexFormat.of().formatHex(code) + "]";
    }

    void replay(InputStream in) throws IOException {
        ByteBuffer header = ByteBuffer.wrap(in.readNBytes(8)).order(ByteOrder.LITTLE_ENDIAN);
        forms = header.getInt();
        int vectors = header.getInt();
        for (int i = 0; i < forms; i++) {
            byte[] form = in.readNBytes(16);
            ByteBuffer hashes = ByteBuffer.wrap(in.readNBytes(vectors / 2)).order(ByteOrder.LITTLE_ENDIAN);
            long hash = 0;
            for (int n = 0; n < vectors; n++) {
                generate(i, n, form[0], form[1]);
                execute(form);
                hash = hash(hash);
                count++;
                if (n % 8 == 7 && hashes.getInt() != (int) hash) {
                    mismatches.add(name(form) + " form " + i + " vectors up to " + n);
                    break;
                }
            }
        }
    }

    /** Compares with a file of full results and prints the first difference of each form. */
    public static void main(String[] args) throws IOException {
        IsaVectors vectors = new IsaVectors();
        try (InputStream in = new java.io.BufferedInputStream(Files.newInputStream(Path.of(args[0])))) {
            ByteBuffer header = ByteBuffer.wrap(in.readNBytes(8)).order(ByteOrder.LITTLE_ENDIAN);
            int forms = header.getInt();
            int count = header.getInt();
            for (int i = 0; i < forms; i++) {
                vectors.compare(i, in.readNBytes(16), in.readNBytes(8 * RESULTS * count), count);
            }
        }
    }

    private void compare(int number, byte[] form, byte[] recorded, int vectors) {
        ByteBuffer real = ByteBuffer.wrap(recorded).order(ByteOrder.LITTLE_ENDIAN);
        int wrong = 0;
        String first = "";
        for (int n = 0; n < vectors; n++) {
            generate(number, n, form[0], form[1]);
            execute(form);
            StringBuilder why = new StringBuilder();
            for (int k = 0; k < RESULTS; k++) {
                long theirs = real.getLong();
                if (theirs != results[k]) {
                    why.append(String.format(" %d: real %x ours %x;", k, theirs, results[k]));
                }
            }
            if (why.length() > 0 && wrong++ == 0) {
                first = String.format("#%d mxcsr %x imm %x%s a %s", n, mxcsr, immediate, why, operands());
            }
        }
        if (wrong > 0) {
            System.out.println(number + " " + name(form) + " " + wrong + " of " + vectors + " " + first);
        }
    }

    private String operands() {
        StringBuilder text = new StringBuilder();
        for (long lane : lanes) {
            text.append(Long.toHexString(lane)).append(' ');
        }
        return text.append(" memory ").append(Long.toHexString(memory[1])).toString();
    }
}
