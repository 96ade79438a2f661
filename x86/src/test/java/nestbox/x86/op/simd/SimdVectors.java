package nestbox.x86.op.simd;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.TreeMap;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Decoder;
import nestbox.x86.insn.Insn;
import nestbox.x86.testing.TestCpu;

/** Replays records of {@code src/test/c/ssevectors.c} and counts what differs from the processor that they come from. */
final class SimdVectors {
    private static final int RECORD = 88;
    private static final double APPROXIMATION = 1.5 / 4096;

    final Map<String, Integer> mismatches = new TreeMap<>();
    final Map<String, String> examples = new TreeMap<>();
    int count;

    private final Cpu cpu = TestCpu.mode64();
    private final Decoder decoder = new Decoder(cpu.features);
    private final byte[] bytes = new byte[RECORD];
    private final ByteBuffer record = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);

    SimdVectors() {
        cpu.cr4 |= Cpu.CR4_OSFXSR | Cpu.CR4_OSXMMEXCPT;
    }

    void replay(InputStream in) throws IOException {
        while (in.readNBytes(bytes, 0, RECORD) == RECORD) {
            count++;
            one();
        }
    }

    private void one() {
        int length = bytes[7];
        byte[] code = java.util.Arrays.copyOf(bytes, length);
        Insn in = decoder.decode(code, 0, length, 64);
        cpu.fpu.init();
        cpu.mxcsr = record.getInt(8);
        cpu.v[0] = record.getLong(24);
        cpu.v[1] = record.getLong(32);
        cpu.v[4] = record.getLong(40);
        cpu.v[5] = record.getLong(48);
        cpu.fpu.mant[0] = cpu.v[0];
        cpu.fpu.mant[1] = cpu.v[4];
        cpu.r[Reg.RAX] = cpu.v[4];
        Flags.setArithmetic(cpu, Flags.ZF | Flags.PF);
        int fault = 0;
        try {
            in.handler.execute(cpu, in);
        } catch (GuestFault e) {
            fault = e.vector == Vector.XM ? 1 : 2;
        }
        int opcode = code[length > 3 && code[length - 3] == 0x0f ? length - 2 : indexOfOpcode(code)] & 0xff;
        compare(in, fault, opcode == 0x52 || opcode == 0x53);
    }

    private static int indexOfOpcode(byte[] code) {
        int i = 0;
        while (code[i] != 0x0f) {
            i++;
        }
        return i + 1;
    }

    private void compare(Insn in, int fault, boolean approximate) {
        String why = "";
        if (fault != record.getInt(16)) {
            why += " fault";
        }
        if (cpu.mxcsr != record.getInt(12)) {
            why += " mxcsr";
        }
        if (fault == 0 && Flags.arithmetic(cpu) != record.getInt(20)) {
            why += " flags";
        }
        if (!close(cpu.v[0], record.getLong(56), approximate) || !close(cpu.v[1], record.getLong(64), approximate)) {
            why += " xmm0";
        }
        if (cpu.r[Reg.RAX] != record.getLong(72)) {
            why += " rax";
        }
        if (cpu.fpu.mant[0] != record.getLong(80)) {
            why += " mm0";
        }
        if (!why.isEmpty()) {
            String key = in + why;
            mismatches.merge(key, 1, Integer::sum);
            examples.putIfAbsent(
                    key,
                    String.format(
                            "mxcsr %x a %016x:%016x b %016x:%016x; real %x fault %d flags %x xmm0 %016x:%016x rax %x mm0 %x;"
                                    + " ours %x fault %d flags %x xmm0 %016x:%016x rax %x mm0 %x",
                            record.getInt(8),
                            record.getLong(32),
                            record.getLong(24),
                            record.getLong(48),
                            record.getLong(40),
                            record.getInt(12),
                            record.getInt(16),
                            record.getInt(20),
                            record.getLong(64),
                            record.getLong(56),
                            record.getLong(72),
                            record.getLong(80),
                            cpu.mxcsr,
                            fault,
                            Flags.arithmetic(cpu),
                            cpu.v[1],
                            cpu.v[0],
                            cpu.r[Reg.RAX],
                            cpu.fpu.mant[0]));
        }
    }

    private static boolean close(long a, long b, boolean approximate) {
        return a == b || (approximate && close((int) a, (int) b) && close((int) (a >>> 32), (int) (b >>> 32)));
    }

    /** Both approximations are within the manual's bound of the exact value, so within twice that of each other. */
    private static boolean close(int a, int b) {
        double x = Float.intBitsToFloat(a);
        double y = Float.intBitsToFloat(b);
        return a == b || Math.abs(x - y) <= 2 * APPROXIMATION * Math.abs(y);
    }
}
