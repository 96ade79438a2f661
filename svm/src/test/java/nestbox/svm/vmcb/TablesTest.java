package nestbox.svm.vmcb;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import java.util.HashSet;
import java.util.Set;
import nestbox.x86.Cpu;
import org.junit.jupiter.api.Test;

/** The VMCB's layout and the exit codes against each other and against values of the manual's appendices. */
class TablesTest {
    @Test
    void fieldsAndSegmentsDoNotOverlap() {
        BitSet taken = new BitSet();
        for (VmcbField field : VmcbField.values()) {
            claim(taken, field.offset(), field.bytes(), field.name());
        }
        for (VmcbSegment segment : VmcbSegment.values()) {
            claim(taken, segment.offset(), 16, segment.name());
        }
        assertThat(taken.length()).isLessThanOrEqualTo(Vmcb.BYTES);
    }

    private static void claim(BitSet taken, int offset, int bytes, String name) {
        assertThat(taken.get(offset, offset + bytes).isEmpty()).as(name).isTrue();
        taken.set(offset, offset + bytes);
    }

    @Test
    void fieldsAreAligned() {
        for (VmcbField field : VmcbField.values()) {
            if (Integer.bitCount(field.bytes()) == 1) {
                assertThat(field.offset() % field.bytes()).as(field.name()).isZero();
            }
        }
    }

    @Test
    void cleanBitsCoverOnlyWhatTheManualLists() {
        assertThat(VmcbField.TLB_CONTROL.clean()).isNull();
        assertThat(VmcbField.EVENTINJ.clean()).isNull();
        assertThat(VmcbField.RFLAGS.clean()).isNull();
        assertThat(VmcbField.TSC_OFFSET.clean()).isEqualTo(CleanBit.I);
        assertThat(VmcbField.CR2.clean()).isEqualTo(CleanBit.CR2);
        assertThat(VmcbField.CPL.clean()).isEqualTo(CleanBit.SEG);
        assertThat(VmcbField.G_PAT.clean()).isEqualTo(CleanBit.NP);
        Set<Integer> bits = new HashSet<>();
        for (CleanBit bit : CleanBit.values()) {
            assertThat(bits.add(bit.bit())).isTrue();
        }
    }

    @Test
    void exitCodesAreUnique() {
        Set<Long> codes = new HashSet<>();
        for (ExitCode row : ExitCode.values()) {
            for (int i = 0; i < row.count(); i++) {
                assertThat(codes.add(row.code() + i)).as(row.name()).isTrue();
            }
        }
    }

    /** Every intercept bit of the five words up to word 4 has a code; word 3's bit 0 is INTR, word 4's is VMRUN. */
    @Test
    void interceptsHaveNoGaps() {
        for (long code = 0; code < 0xa0; code++) {
            assertThat(ExitCode.of(code)).as(Long.toHexString(code)).isNotNull();
        }
        assertThat(ExitCode.INTR.code()).isEqualTo(0x60);
        assertThat(ExitCode.SHUTDOWN.code()).isEqualTo(0x7f);
        assertThat(ExitCode.VMRUN.code()).isEqualTo(0x80);
        assertThat(ExitCode.NPF.code()).isEqualTo(0x400);
        assertThat(ExitCode.INVALID.code()).isEqualTo(0xffffffffffffffffL);
        assertThat(ExitCode.name(0x4e)).isEqualTo("EXCP14");
        assertThat(ExitCode.NPF.intercept()).isFalse();
    }

    @Test
    void attributesAreTheDescriptorsBits() {
        assertThat(VmcbSegment.rights(0xa9b)).isEqualTo(0x9b | Cpu.RIGHTS_L | Cpu.RIGHTS_G);
        assertThat(VmcbSegment.attributes(0x93 | Cpu.RIGHTS_DB | Cpu.RIGHTS_G)).isEqualTo(0xc93);
        assertThat(VmcbSegment.rights(0) & Cpu.RIGHTS_UNUSABLE).isNotZero();
        assertThat(VmcbSegment.attributes(Cpu.RIGHTS_UNUSABLE | 0x93) & 0x80).isZero();
        for (int attributes = 0; attributes < 0x1000; attributes++) {
            assertThat(VmcbSegment.attributes(VmcbSegment.rights(attributes))).isEqualTo(attributes);
        }
    }
}
