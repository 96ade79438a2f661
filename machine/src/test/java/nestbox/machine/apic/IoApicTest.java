package nestbox.machine.apic;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Intel 82093AA data sheet. */
class IoApicTest {
    private final ApicRig rig = new ApicRig(2);

    private void redirect(int pin, long entry) {
        register(0x11 + 2 * pin, entry >>> 32);
        register(0x10 + 2 * pin, entry & 0xffffffffL);
    }

    private void register(int index, long value) {
        rig.ioApic.write(0, 4, index);
        rig.ioApic.write(0x10, 4, value);
    }

    private long register(int index) {
        rig.ioApic.write(0, 4, index);
        return rig.ioApic.read(0x10, 4);
    }

    @Test
    void identifiesItself() {
        assertThat(register(1) & 0xff00ff).isEqualTo(0x170020);
        register(0, 0x0b000000);
        assertThat(register(0)).isEqualTo(0x0b000000);
        assertThat(register(2)).as("arbitration id follows").isEqualTo(0x0b000000);
        assertThat(register(0x10)).as("masked after reset").isEqualTo(0x10000);
    }

    @Test
    void edgesAreSentOnceAndLostWhileMasked() {
        redirect(4, 1L << 56 | 0x41);
        rig.ioApic.setLine(4, true);
        assertThat(rig.raised()).isEqualTo("1");
        assertThat(rig.apics[1].acknowledge()).isEqualTo(0x41);
        rig.write(1, ApicReg.EOI, 0);
        assertThat(rig.ended).hasSize(1);
        rig.write(1, ApicReg.EOI, 0);
        assertThat(rig.ended).as("none is in service").hasSize(1);
        assertThat(rig.raised()).isEmpty();
        rig.ioApic.setLine(4, false);
        redirect(4, 1L << 56 | 0x10041);
        rig.ioApic.setLine(4, true);
        redirect(4, 1L << 56 | 0x41);
        assertThat(rig.raised()).isEmpty();
    }

    @Test
    void levelInterruptsWaitForTheEoi() {
        redirect(10, 0x8000 | 0x55);
        rig.ioApic.setLine(10, true);
        assertThat(register(0x10 + 20) & 0x4000).as("remote IRR").isEqualTo(0x4000);
        assertThat(rig.apics[0].acknowledge()).isEqualTo(0x55);
        assertThat(rig.read(0, ApicReg.TMR + 0x20) >>> 21 & 1).isEqualTo(1);
        rig.write(0, ApicReg.EOI, 0);
        assertThat(rig.apics[0].acknowledge()).as("still raised").isEqualTo(0x55);
        rig.ioApic.setLine(10, false);
        rig.write(0, ApicReg.EOI, 0);
        assertThat(register(0x10 + 20) & 0x4000).isZero();
        assertThat(rig.raised()).isEmpty();
    }

    @Test
    void suppressedEoiBroadcastLeavesItToTheEoiRegister() {
        rig.write(0, ApicReg.SVR, 0x11ff);
        redirect(10, 0x8000 | 0x55);
        rig.ioApic.setLine(10, true);
        rig.apics[0].acknowledge();
        rig.write(0, ApicReg.EOI, 0);
        assertThat(register(0x10 + 20) & 0x4000).isEqualTo(0x4000);
        rig.ioApic.write(0x40, 4, 0x55);
        assertThat(rig.raised()).isEqualTo("0");
    }

    @Test
    void aLevelInputRaisedWhileMaskedIsSentWhenUnmasked() {
        redirect(10, 0x18000 | 0x55);
        rig.ioApic.setLine(10, true);
        assertThat(rig.raised()).isEmpty();
        redirect(10, 0x8000 | 0x55);
        assertThat(rig.raised()).isEqualTo("0");
    }

    /** Bit 13 of an entry: the input is active low. An ISA line is high while its device asserts it. */
    @Test
    void anEdgeOfTheOtherPolarityIsTheEndOfTheRequest() {
        redirect(4, 0x2041);
        rig.ioApic.setLine(4, true);
        assertThat(rig.raised()).isEmpty();
        rig.ioApic.setLine(4, false);
        assertThat(rig.raised()).isEqualTo("0");
    }

    @Test
    void aLevelInputOfTheOtherPolarityIsActiveWhileTheLineRests() {
        redirect(10, 0xa000 | 0x55);
        assertThat(rig.apics[0].acknowledge()).isEqualTo(0x55);
        rig.ioApic.setLine(10, true);
        rig.write(0, ApicReg.EOI, 0);
        assertThat(rig.raised()).isEmpty();
    }

    /** INTx# lines rest high: the polarity for them is active low. */
    @Test
    void pciInputsAreActiveLow() {
        redirect(16, 0xa000 | 0x66);
        assertThat(rig.raised()).isEmpty();
        rig.ioApic.setLine(16, true);
        assertThat(rig.apics[0].acknowledge()).isEqualTo(0x66);
        rig.ioApic.setLine(16, false);
        rig.write(0, ApicReg.EOI, 0);
        assertThat(rig.raised()).isEmpty();
    }
}
