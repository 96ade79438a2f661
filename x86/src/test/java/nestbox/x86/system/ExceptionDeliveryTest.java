package nestbox.x86.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.model.Vendor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** SDM Vol. 3, "Interrupt and Exception Handling". */
class ExceptionDeliveryTest {
    private static final int HANDLER = 0x5000;

    private static void fault(SystemBench b, int vector, boolean hasError, long error) {
        Exceptions.exception(b.cpu, vector, EventInDelivery.EXCEPTION, hasError, error, 0, true);
    }

    /** Gates for every vector, each with its own handler address. */
    private static SystemBench allGates(int cpl) {
        SystemBench b = SystemBench.protectedMode(cpl);
        for (int vector = 0; vector < 256; vector++) {
            b.idt(vector, SystemBench.gate(0x8e, SystemBench.CODE0, HANDLER + vector));
        }
        return b;
    }

    @ParameterizedTest
    @CsvSource({
        // gate access, gate selector, expected of INT 40h (error codes: vector * 8 + 2) at CPL 3
        "ee, 8, ok",
        "ef, 8, ok",
        "e6, 8, ok",
        "8e, 8, 13(202)",
        "6e, 8, 11(202)",
        "ec, 8, 13(202)",
        "e9, 8, 13(202)",
        "ee, 0, 13(0)",
        "ee, 10, 13(10)",
        "ee, 78, 13(78)",
        "ee, 80, 13(80)",
        "ee, 38, 11(38)",
        "ee, 1b, ok",
    })
    void softwareInterruptChecks(String access, String selector, String expected) {
        SystemBench b = SystemBench.protectedMode(3);
        b.gdt(SystemBench.SPARE, SystemBench.descriptor(0x1a, 0xc, 0, 0xfffff));
        b.idt(0x40, SystemBench.gate(Integer.parseInt(access, 16), Integer.parseInt(selector, 16), HANDLER));
        assertThat(b.step("int 0x40")).isEqualTo(expected);
        if (expected.equals("ok")) {
            assertThat(b.cpu.rip).isEqualTo(HANDLER);
        } else {
            assertThat(b.cpu.cpl).isEqualTo(3);
            assertThat(b.cpu.rip).isEqualTo(SystemBench.CODE_AT);
        }
    }

    @Test
    void idtLimit() {
        SystemBench b = SystemBench.protectedMode(0);
        b.cpu.idtLimit = 0x40 * 8 + 6;
        assertThat(b.step("int 0x40")).isEqualTo("13(202)");
    }

    @Test
    void frameOfAnInnerHandler() {
        SystemBench b = allGates(3);
        b.cpu.rip = 0x1234;
        b.cpu.setRflags(Flags.FIXED | Flags.IF | Flags.TF | Flags.NT | Flags.AC);
        fault(b, Vector.GP, true, 0x18);
        long flags = Flags.FIXED | Flags.IF | Flags.TF | Flags.NT | Flags.AC | Flags.RF;
        long[] frame = {0x18, 0x1234, SystemBench.CODE3 | 3, flags, SystemBench.STACK3, SystemBench.DATA3 | 3};
        for (int i = 0; i < frame.length; i++) {
            assertThat(b.stack(i, 4)).as("slot %d", i).isEqualTo(frame[i]);
        }
        assertThat(b.cpu.cpl).isZero();
        assertThat(b.cpu.selector[Reg.CS]).isEqualTo(SystemBench.CODE0);
        assertThat(b.cpu.rflags()).isEqualTo(Flags.FIXED | Flags.AC);
        assertThat(b.cpu.rip).isEqualTo(HANDLER + Vector.GP);
    }

    @Test
    void trapGateKeepsTheInterruptFlag() {
        SystemBench b = SystemBench.protectedMode(0);
        b.idt(6, SystemBench.gate(0x8f, SystemBench.CODE0, HANDLER));
        b.cpu.setRflags(Flags.FIXED | Flags.IF);
        fault(b, Vector.UD, false, 0);
        assertThat(b.cpu.rflags() & Flags.IF).isNotZero();
    }

    @Test
    void sixteenBitGatePushesWords() {
        SystemBench b = SystemBench.protectedMode(0);
        b.idt(13, SystemBench.gate(0x86, SystemBench.CODE0, HANDLER));
        b.cpu.rip = 0x12345678;
        fault(b, Vector.GP, true, 0x18);
        assertThat(b.cpu.r[Reg.RSP]).isEqualTo(SystemBench.STACK0 - 8);
        assertThat(b.stack(0, 2)).isEqualTo(0x18);
        assertThat(b.stack(1, 2)).isEqualTo(0x5678);
    }

    @Test
    void fromVirtual8086ModeAllSegmentsAreSaved() {
        SystemBench b = SystemBench.virtual8086(3);
        b.idt(6, SystemBench.gate(0x8e, SystemBench.CODE0, HANDLER));
        fault(b, Vector.UD, false, 0);
        int[] segments = {0x11, 0x22, 0x33, 0x44};
        for (int i = 0; i < 4; i++) {
            assertThat(b.stack(5 + i, 4)).isEqualTo(segments[i]);
        }
        assertThat(b.cpu.virtual8086()).isFalse();
        assertThat(b.cpu.cpl).isZero();
        assertThat(b.cpu.selector[Reg.DS]).isZero();
        assertThat(b.cpu.rights[Reg.DS] & Cpu.RIGHTS_UNUSABLE).isNotZero();
    }

    /** In virtual-8086 mode the handler must run at level 0. */
    @ParameterizedTest
    @CsvSource({"9e", "fa", "ba"})
    void fromVirtual8086ModeToAnotherLevel(String access) {
        SystemBench b = SystemBench.virtual8086(3);
        b.gdt(SystemBench.SPARE, SystemBench.descriptor(Integer.parseInt(access, 16), 0xc, 0, 0xfffff));
        b.idt(0x40, SystemBench.gate(0xee, SystemBench.SPARE, HANDLER));
        assertThat(b.step("int 0x40")).isEqualTo("13(38)");
    }

    @ParameterizedTest
    @CsvSource({"0, 13(0)", "3, ok"})
    void softwareInterruptInVirtual8086ModeNeedsIopl(int iopl, String expected) {
        SystemBench b = SystemBench.virtual8086(iopl);
        b.idt(0x40, SystemBench.gate(0xee, SystemBench.CODE0, HANDLER));
        assertThat(b.step("int 0x40")).isEqualTo(expected);
    }

    /**
     * SDM Vol. 3, "Conditions for Generating a Double Fault". The gate of the first exception is not present (or, for #NP, no
     * gate): the second one is contributory.
     */
    @ParameterizedTest
    @CsvSource({
        // benign first: the second is delivered, its error code has EXT, the IDT bit and the vector
        "1, 11, b", "6, 11, 33", "7, 11, 3b", "16, 11, 83", "17, 11, 8b", "19, 11, 9b",
        // contributory or page fault first: #DF
        "0, 8, 0", "10, 8, 0", "11, 8, 0", "12, 8, 0", "13, 8, 0", "14, 8, 0",
    })
    void faultWhileDelivering(int first, int delivered, String error) {
        SystemBench b = allGates(0);
        b.idt(first, SystemBench.gate(first == Vector.NP ? 0x80 : 0x0e, SystemBench.CODE0, HANDLER));
        fault(b, first, Exceptions.hasErrorCode(first), 0);
        assertThat(b.cpu.rip).isEqualTo(HANDLER + delivered);
        assertThat(b.stack(0, 4)).isEqualTo(Long.parseLong(error, 16));
    }

    @ParameterizedTest
    @CsvSource({"0, 203", "4, 202", "2, 203"})
    void extTellsEventsFromOutsideTheProgram(int type, String error) {
        SystemBench b = allGates(0);
        b.idt(0x40, SystemBench.gate(0x0e, SystemBench.CODE0, HANDLER));
        Exceptions.deliver(b.cpu, 0x40, type, false, 0, false);
        assertThat(b.cpu.rip).isEqualTo(HANDLER + Vector.NP);
        assertThat(b.stack(0, 4)).isEqualTo(Long.parseLong(error, 16));
    }

    @Test
    void thirdFaultShutsDown() {
        SystemBench b = SystemBench.protectedMode(0);
        assertThatThrownBy(() -> fault(b, Vector.GP, true, 0))
                .isInstanceOf(AssertionError.class)
                .hasMessage("shutdown");
        assertThat(b.cpu.activity).isEqualTo(Cpu.SHUTDOWN);
    }

    @Test
    void realModePushesNoErrorCode() {
        SystemBench b = SystemBench.real();
        b.cpu.idtBase = 0;
        b.cpu.idtLimit = 0x3ff;
        b.write(13 * 4, 4, 0x12340056L);
        b.cpu.rip = 0x777;
        fault(b, Vector.GP, true, 0);
        assertThat(b.cpu.rip).isEqualTo(0x56);
        assertThat(b.cpu.base[Reg.CS]).isEqualTo(0x12340);
        assertThat(b.cpu.r[Reg.RSP]).isEqualTo(SystemBench.STACK0 - 6);
        assertThat(b.stack(0, 2)).isEqualTo(0x777);
    }

    @ParameterizedTest
    @CsvSource({
        // CPL, IST, expected RSP before the frame of five words
        "0, 0, 7ff0",
        "3, 0, 8000",
        "0, 3, 6550",
        "3, 3, 6550",
    })
    void stacksOf64BitMode(int cpl, int ist, String top) {
        SystemBench b = SystemBench.longMode(Vendor.INTEL, cpl);
        b.idt64(6, SystemBench.gate(0x8e, SystemBench.LONG_CODE0, HANDLER) | (long) ist << 32);
        b.write(SystemBench.TSS + 0x24 + 16, 8, 0x655f);
        b.cpu.r[Reg.RSP] = cpl == 0 ? 0x7fff : SystemBench.STACK3;
        long before = b.cpu.r[Reg.RSP];
        fault(b, Vector.UD, false, 0);
        assertThat(b.cpu.r[Reg.RSP]).isEqualTo(Long.parseLong(top, 16) - 40);
        assertThat(b.read(b.cpu.r[Reg.RSP] + 24, 8)).isEqualTo(before);
        assertThat(b.cpu.selector[Reg.SS]).isEqualTo(cpl == 0 ? SystemBench.DATA0 : 0);
    }

    @ParameterizedTest
    @CsvSource({
        // gate access, code selector
        "8e, 8, 13(8)",
        "86, 58, 13(202)",
        "85, 58, 13(202)",
        "8e, 58, ok",
    })
    void gatesOf64BitMode(String access, String selector, String expected) {
        SystemBench b = SystemBench.longMode(Vendor.INTEL, 0);
        b.cpu.idtLimit = 0xfff;
        b.idt64(0x40, SystemBench.gate(Integer.parseInt(access, 16), Integer.parseInt(selector, 16), HANDLER));
        assertThat(b.step("int 0x40")).isEqualTo(expected);
    }

    @Test
    void pageFaultLatchesTheAddressWhenItIsDelivered() {
        SystemBench b = allGates(0);
        try {
            b.cpu.raisePageFault(0xabc000, 2);
        } catch (GuestFault f) {
            assertThat(b.cpu.cr2).isZero();
            Exceptions.deliverFault(b.cpu);
        }
        assertThat(b.cpu.cr2).isEqualTo(0xabc000);
        assertThat(b.stack(0, 4)).isEqualTo(2);
    }
}
