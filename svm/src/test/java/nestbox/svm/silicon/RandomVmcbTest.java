package nestbox.svm.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import nestbox.core.UnsupportedFeatureException;
import nestbox.svm.Lab;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import org.junit.jupiter.api.Test;

/** VMRUN of VMCBs with random contents ends in an exit or runs on; nothing but a typed refusal leaves the processor. */
class RandomVmcbTest {
    /** 10^4, or as {@code -Dnestbox.vmcb.rounds=1000000} wants. */
    private static final int ROUNDS = Integer.getInteger("nestbox.vmcb.rounds", 10_000);

    private static final int LABS = 40;

    @Test
    void neverAJavaException() {
        Random random = new Random(20261122);
        int invalid = 0;
        int entered = 0;
        for (int i = 0; i < LABS; i++) {
            Lab lab = Lab.of(i % 2 == 0 ? "max,+svm" : "EPYC-Milan").guest("vmmcall");
            byte[] base = new byte[Vmcb.BYTES];
            lab.memory.copyOut(Lab.VMCB, base, 0, base.length);
            for (int round = 0; round < ROUNDS / LABS; round++) {
                lab.memory.copyIn(Lab.VMCB, base, 0, base.length);
                mutate(lab, random);
                boolean bad = round(lab);
                invalid += bad ? 1 : 0;
                entered += bad ? 0 : 1;
                if (lab.cpu.activity != nestbox.x86.Cpu.HALTED || lab.cpu.rip >= 0x2000) {
                    lab = Lab.of("max,+svm").guest("vmmcall");
                }
            }
        }
        assertThat(invalid).isGreaterThan(ROUNDS / 10);
        assertThat(entered).isGreaterThan(ROUNDS / 10);
    }

    private static boolean round(Lab lab) {
        try {
            lab.run();
        } catch (UnsupportedFeatureException typed) {
            return false;
        }
        return lab.exitCode() == ExitCode.INVALID.code();
    }

    /** Keeps near the valid: a few fields change, some by one bit. Shutdown and faults always leave the guest. */
    private static void mutate(Lab lab, Random random) {
        VmcbField[] fields = VmcbField.values();
        for (int n = random.nextInt(6); n >= 0; n--) {
            VmcbField field = fields[random.nextInt(fields.length)];
            int bytes = Math.min(field.bytes(), 8);
            long value = random.nextBoolean()
                    ? lab.vmcb.get(field.offset(), bytes) ^ 1L << random.nextInt(8 * bytes)
                    : random.nextLong();
            lab.vmcb.set(field.offset(), bytes, value);
        }
        if (random.nextInt(3) == 0) {
            lab.vmcb.set(0x400 + random.nextInt(0xa0), 1, random.nextInt());
        }
        lab.set(VmcbField.INTERCEPT_EXCEPTION, -1);
        lab.intercept(0x7f).intercept(0x78);
    }
}
