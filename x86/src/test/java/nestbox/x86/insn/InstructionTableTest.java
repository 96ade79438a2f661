package nestbox.x86.insn;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The table's own order: no row twice, none that an earlier one hides, every one under the title of a manual page. */
class InstructionTableTest {
    private final List<Form> forms = InstructionTable.get().forms();

    @Test
    void noRowIsHiddenByAnEarlierOne() {
        List<String> hidden = new ArrayList<>();
        for (int later = 0; later < forms.size(); later++) {
            for (int earlier = 0; earlier < later; earlier++) {
                if (hides(forms.get(earlier), forms.get(later))) {
                    hidden.add(forms.get(later) + " [" + forms.get(later).notation() + "] by " + forms.get(earlier));
                }
            }
        }
        assertThat(hidden).isEmpty();
    }

    private static boolean hides(Form a, Form b) {
        Encoding first = a.encoding();
        Encoding second = b.encoding();
        boolean sameOpcodes = first.map() == second.map()
                && first.opcode() <= second.opcode()
                && second.opcode() + second.count() <= first.opcode() + first.count();
        return sameOpcodes && (second.permitted() & ~first.permitted()) == 0 && !a.is(Attribute.ELSE);
    }

    @Test
    void everyRowLeavesSomethingPermittedInEachGroup() {
        long[] groups = {
            Match.ANY_PREFIX,
            Match.MEMORY | Match.REGISTER,
            Match.ANY_REG,
            Match.ANY_RM,
            Match.ANY_CODE,
            Match.ANY_OPERAND,
            Match.ANY_ADDRESS,
            Match.ANY_W,
            Match.ANY_LENGTH,
            Match.INTEL | Match.AMD,
            Match.ANY_B
        };
        for (Form form : forms) {
            for (long group : groups) {
                assertThat(form.encoding().permitted() & group)
                        .as(form.toString())
                        .isNotZero();
            }
        }
    }

    @Test
    void lockIsOnlyForMemoryDestinations() {
        for (Form form : forms) {
            if (form.lockable()) {
                assertThat(form.rmFirst()).as(form.toString()).isTrue();
            }
        }
    }

    @Test
    void rowsThatNeedAModeAreNotContradictory() {
        for (Form form : forms) {
            assertThat(form.is(Attribute.I64) && form.is(Attribute.ONLY64))
                    .as(form.toString())
                    .isFalse();
            assertThat(form.is(Attribute.INTEL) && form.is(Attribute.AMD))
                    .as(form.toString())
                    .isFalse();
        }
    }

    @Test
    void everyFileNamesItsManualAndEveryRowStandsUnderATitle() throws IOException {
        for (String file : InstructionTable.files()) {
            try (InputStream in = InstructionTable.class.getResourceAsStream(file + ".tbl")) {
                String[] lines = new String(in.readAllBytes(), StandardCharsets.US_ASCII).split("\n");
                assertThat(lines[0]).as(file).startsWith("#").containsAnyOf("SDM", "APM");
                boolean titled = false;
                for (String line : lines) {
                    titled |= line.startsWith("=");
                    assertThat(titled || line.startsWith("#")).as(line).isTrue();
                }
            }
        }
    }

    /** The parts are read one by one; an opcode that is found in the first must not have rows in another. */
    @Test
    void partsShareNoOpcodesButThoseNamed() {
        InstructionTable table = InstructionTable.get();
        for (Form form : table.forms()) {
            Encoding encoding = form.encoding();
            for (int i = 0; i < encoding.count(); i++) {
                assertThat(table.rows(encoding.map(), encoding.opcode() + i))
                        .as("rows of %s", form)
                        .contains(form);
            }
        }
    }
}
