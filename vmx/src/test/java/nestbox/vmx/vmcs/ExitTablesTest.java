package nestbox.vmx.vmcs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ExitTablesTest {
    /** SDM Vol. 3, Appendix "VMX Basic Exit Reasons": the numbers that have no meaning. */
    private static final Set<Integer> UNUSED = Set.of(35, 38, 42, 71);

    @Test
    void exitReasonsHaveNoGapsAndNoDuplicates() {
        Set<Integer> numbers = new HashSet<>();
        for (ExitReason reason : ExitReason.values()) {
            assertThat(numbers.add(reason.number())).as("%s", reason).isTrue();
            assertThat(ExitReason.byNumber(reason.number())).isEqualTo(reason);
        }
        for (int i = 0; i <= 79; i++) {
            assertThat(numbers.contains(i)).as("exit %d", i).isNotEqualTo(UNUSED.contains(i));
        }
        assertThat(ExitReason.byNumber(35)).isNull();
        assertThat(ExitReason.byNumber(65535)).isNull();
    }

    @Test
    void layoutsDoNotOverlap() {
        for (ExitReason reason : ExitReason.values()) {
            checkLayout(reason.qualification());
            checkLayout(reason.instructionInformation());
        }
        checkLayout(Layouts.ENTRY_INTERRUPTION);
        checkLayout(Layouts.EXIT_INTERRUPTION);
        checkLayout(Layouts.IDT_VECTORING);
        checkLayout(Layouts.EXIT_REASON);
        checkLayout(Layouts.INTERRUPTIBILITY);
        checkLayout(Layouts.PENDING_DEBUG);
    }

    private static void checkLayout(BitLayout layout) {
        long seen = 0;
        for (BitLayout.BitField field : layout.fields()) {
            long bits = -1L >>> 63 - (field.high() - field.low()) << field.low();
            assertThat(seen & bits).as("%s %s", layout.name(), field.name()).isZero();
            seen |= bits;
        }
        assertThat(layout.covered()).isEqualTo(seen);
    }

    @Test
    void describesWords() {
        assertThat(Layouts.CONTROL_REGISTER.describe(0x013))
                .isEqualTo("cr=0x3 access=mov from cr lmsw-operand=register register=rax");
        assertThat(Layouts.EXIT_INTERRUPTION.describe(0x8000_0b0eL))
                .isEqualTo("vector=0xe type=hardware exception error-code valid");
        assertThat(Layouts.NONE.describe(4)).isEqualTo("reserved=0x4");
        assertThat(Layouts.IO.describe(0x3f8_0000L | 8)).isEqualTo("size=1 direction=in operand=dx port=0x3f8");
    }

    @Test
    void instructionErrors() {
        Set<Integer> unused = Set.of(14, 21, 27);
        Set<Integer> numbers = new HashSet<>();
        for (InstructionError error : InstructionError.values()) {
            assertThat(numbers.add(error.number())).isTrue();
        }
        for (int i = 1; i <= 28; i++) {
            assertThat(numbers.contains(i)).as("error %d", i).isNotEqualTo(unused.contains(i));
        }
    }
}
