package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import nestbox.core.NestboxException;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.l0.EntryLab.Vendor;
import nestbox.l0.EntryLab.Way;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Saved states with random damage are taken or refused by a typed error; nestbox.damages says how many are tried. */
class DamagedStateTest {
    private static final int TRIES = Integer.getInteger("nestbox.damages", 1_500);
    private static final int STEPS = 4;
    /** Of an extension's section that is damaged. */
    private static final int SECTION = 4_000;

    private static EntryLab inL2(Vendor vendor) {
        EntryLab lab =
                EntryLab.before(vendor, Way.NESTED_TDP, EntryLab.GOOD, EntryLab.configuration(vendor, Way.NESTED_TDP));
        lab.step();
        lab.step();
        assertThat(lab.vcpu().guestMode()).isTrue();
        return lab;
    }

    private static void damage(byte[] state, int from, int length, SplittableRandom random) {
        for (int i = random.nextInt(1, 5); i > 0; i--) {
            int at = from + random.nextInt(Math.min(length, state.length - from));
            state[at] = (byte) (random.nextBoolean() ? random.nextInt() : state[at] ^ 1 << random.nextInt(8));
        }
    }

    private static byte[] save(EntryLab lab) {
        StateWriter out = new StateWriter();
        lab.lab.machine().save(out);
        return out.toByteArray();
    }

    /** KVM_SET_NESTED_STATE; what is taken is run. */
    @ParameterizedTest
    @EnumSource
    void kvmsNestedState(Vendor vendor) {
        EntryLab lab = inL2(vendor);
        byte[] good = lab.vcpu().nestedState().toBytes();
        byte[] machine = save(lab);
        SplittableRandom random = new SplittableRandom(7);
        int taken = 0;
        for (int i = 0; i < TRIES; i++) {
            byte[] bad = good.clone();
            damage(bad, 0, random.nextBoolean() ? NestedState.HEADER : bad.length, random);
            try {
                lab.vcpu().setNestedState(NestedState.parse(bad));
            } catch (NestboxException refused) {
                assertThat(refused.getMessage()).contains("nested state");
                continue;
            }
            taken++;
            if (taken % 16 == 0) {
                run(lab);
                lab.lab.machine().restore(new StateReader(machine));
            }
        }
        assertThat(taken).isBetween(TRIES / 50, TRIES);
        lab.lab.machine().restore(new StateReader(machine));
        assertThat(lab.finish()).endsWith("321BA");
    }

    private static void run(EntryLab lab) {
        for (int i = 0; i < STEPS; i++) {
            try {
                lab.step();
            } catch (NestboxException e) {
                return;
            }
        }
    }

    /** Of a machine's state, what nesting and L0's processor have written. */
    @ParameterizedTest
    @EnumSource
    void theMachinesState(Vendor vendor) {
        EntryLab lab = inL2(vendor);
        byte[] good = save(lab);
        SplittableRandom random = new SplittableRandom(11);
        int nested = indexOf(good, "nested " + (vendor == Vendor.VMX ? "vmx" : "svm"));
        int vcpu = indexOf(good, "vcpu");
        for (int i = 0; i < TRIES / 5; i++) {
            byte[] bad = good.clone();
            damage(bad, random.nextInt(4) == 0 ? vcpu : nested, SECTION, random);
            try {
                lab.lab.machine().restore(new StateReader(bad));
            } catch (NestboxException refused) {
                continue;
            }
            run(lab);
        }
        lab.lab.machine().restore(new StateReader(good));
        assertThat(lab.finish()).endsWith("321BA");
    }

    private static int indexOf(byte[] state, String name) {
        int at = new String(state, StandardCharsets.ISO_8859_1).lastIndexOf(name);
        assertThat(at).isPositive();
        return at;
    }
}
