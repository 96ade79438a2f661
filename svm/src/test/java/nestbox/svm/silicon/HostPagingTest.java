package nestbox.svm.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.svm.Lab;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Nested paging in each paging mode of the host, PAE guests, and the guest's PAT (APM Vol. 2, "Nested Paging"). */
class HostPagingTest {
    private static final String MAX = "max,+svm";
    private static final int HOST = 0x40000;
    private static final int NESTED = 0x44000;
    private static final int PAE_TABLES = 0x60000;

    /** The host's paging modes. */
    enum Mode {
        LEGACY,
        PAE,
        LEVELS_4,
        LEVELS_5
    }

    /** Maps 4 Kbyte pages one to one, but 3000h to 4000h. */
    private static void smallPages(Lab lab, long table, int bytes) {
        for (long i = 0; i < 4096 / bytes; i++) {
            lab.memory.write(table + i * bytes, bytes, (i == 3 ? 0x4000 : i << 12) | 7);
        }
    }

    private static void largePages(Lab lab, long table, int bytes, int shift) {
        for (long i = 0; i < 16 << 20 >> shift; i++) {
            lab.memory.write(table + i * bytes, bytes, i << shift | 0x87);
        }
    }

    /** An L1 in that mode whose guest, in protected mode without paging, reads 3000h. */
    private static Lab lab(Mode mode) {
        Lab lab = Lab.of(MAX).nested().guest("movzx ebx, byte [0x3000]\nvmmcall");
        flat(lab).set(VmcbField.CR0, Cpu.CR0_PE | Cpu.CR0_ET).set(VmcbField.CR4, 0);
        lab.memory.write(0x3000, 1, 0x11);
        lab.memory.write(0x4000, 1, 0x22);
        switch (mode) {
            case LEGACY -> {
                largePages(lab, HOST, 4, 22);
                largePages(lab, NESTED, 4, 22);
                lab.memory.write(NESTED, 4, NESTED + 0x1000 | 7);
                smallPages(lab, NESTED + 0x1000, 4);
                lab.host32(HOST, Cpu.CR4_PSE);
                lab.set(VmcbField.N_CR3, NESTED);
            }
            case PAE -> {
                lab.memory.write(HOST, 8, HOST + 0x1000 | 1);
                largePages(lab, HOST + 0x1000, 8, 21);
                lab.memory.write(NESTED, 8, NESTED + 0x1000 | 1);
                largePages(lab, NESTED + 0x1000, 8, 21);
                lab.memory.write(NESTED + 0x1000, 8, NESTED + 0x2000 | 7);
                smallPages(lab, NESTED + 0x2000, 8);
                lab.host32(HOST, Cpu.CR4_PAE);
                lab.set(VmcbField.N_CR3, NESTED);
            }
            case LEVELS_4 -> lab.memory.write(Lab.nestedEntry(0x3000), 8, 0x4007);
            default -> {
                lab.memory.write(Lab.nestedEntry(0x3000), 8, 0x4007);
                lab.memory.write(HOST, 8, Lab.TABLES | 7);
                lab.memory.write(NESTED, 8, Lab.NESTED | 7);
                lab.host64(HOST, Cpu.CR4_PAE | Cpu.CR4_LA57);
                lab.set(VmcbField.N_CR3, NESTED);
            }
        }
        return lab;
    }

    /** Protected mode with flat 32-bit segments. */
    private static Lab flat(Lab lab) {
        lab.vmcb.setSegment(VmcbSegment.CS, 8, 0xc9b, 0xffffffffL, 0);
        return lab.set(VmcbField.EFER, Cpu.EFER_SVME);
    }

    private static long entry(Mode mode) {
        return switch (mode) {
            case LEGACY -> NESTED + 0x1000 + 3 * 4;
            case PAE -> NESTED + 0x2000 + 3 * 8;
            default -> Lab.nestedEntry(0x3000);
        };
    }

    @ParameterizedTest
    @EnumSource
    void translatesInTheHostsFormat(Mode mode) {
        Lab lab = lab(mode).run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("VMMCALL");
        assertThat(lab.cpu.r[Reg.RBX]).isEqualTo(0x22);
    }

    /** Not present, and a supervisor's page: every nested access is the user's. */
    @ParameterizedTest
    @CsvSource({
        "LEGACY, 6, 4",
        "LEGACY, 3, 5",
        "PAE, 6, 4",
        "PAE, 3, 5",
        "LEVELS_4, 6, 4",
        "LEVELS_4, 3, 5",
        "LEVELS_5, 6, 4",
        "LEVELS_5, 3, 5"
    })
    void faultsSayWhichStageAndWhy(Mode mode, int rights, long code) {
        Lab lab = lab(mode);
        lab.memory.write(entry(mode), 4, 0x4000 | rights);
        lab.run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("NPF");
        assertThat(lab.get(VmcbField.EXITINFO1)).isEqualTo(1L << 32 | code);
        assertThat(lab.get(VmcbField.EXITINFO2)).isEqualTo(0x3000);
    }

    private static Lab paeGuest(boolean nested, String source) {
        Lab lab = flat(Lab.of(MAX).guest(source));
        if (nested) {
            lab.nested();
        }
        lab.memory.write(PAE_TABLES, 8, PAE_TABLES + 0x1000 | 1);
        largePages(lab, PAE_TABLES + 0x1000, 8, 21);
        lab.memory.write(0x3000, 1, 0x11);
        return lab.set(VmcbField.CR0, Cpu.CR0_PE | Cpu.CR0_PG | Cpu.CR0_ET)
                .set(VmcbField.CR4, Cpu.CR4_PAE)
                .set(VmcbField.CR3, PAE_TABLES)
                .intercept(0x4e);
    }

    private static final String NEW_PDPE = "mov dword [0x60008], 0x61001\nmovzx ebx, byte [0x40003000]\nvmmcall";

    /** Under nested paging no PDPE is held: one that becomes present is used at once, without a MOV to CR3. */
    @Test
    void paeGuestReadsItsPdpesOnDemand() {
        Lab lab = paeGuest(true, NEW_PDPE).run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("VMMCALL");
        assertThat(lab.cpu.r[Reg.RBX]).isEqualTo(0x11);
    }

    /** Reserved bits of a PDPE that is not used hurt nobody; of one that is used, the guest meets #PF with RSVD. */
    @Test
    void reservedBitsOfPdpesAreTheWalks() {
        Lab lab = paeGuest(true, "movzx ebx, byte [0x3000]\nvmmcall");
        lab.memory.write(PAE_TABLES + 16, 8, PAE_TABLES + 0x1000 | 0x1e7L);
        assertThat(ExitCode.name(lab.run().exitCode())).isEqualTo("VMMCALL");
        Lab used = paeGuest(true, "movzx ebx, byte [0x40003000]\nvmmcall");
        used.memory.write(PAE_TABLES + 8, 8, PAE_TABLES + 0x1000 | 0x1e7L);
        assertThat(ExitCode.name(used.run().exitCode())).isEqualTo("EXCP14");
        assertThat(used.get(VmcbField.EXITINFO1) & 8).isEqualTo(8);
    }

    /** A PDPE in a page that the nested tables refuse: the fault is one of the guest's tables. */
    @Test
    void pdpesGoThroughTheNestedTables() {
        Lab lab = paeGuest(true, "vmmcall");
        lab.memory.write(Lab.nestedEntry(PAE_TABLES), 8, 0);
        lab.run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("NPF");
        assertThat(lab.get(VmcbField.EXITINFO1)).isEqualTo(1L << 33 | 6);
        assertThat(lab.get(VmcbField.EXITINFO2) & ~0xfffL).isEqualTo(PAE_TABLES);
    }

    /** The guest's PAT is G_PAT under nested paging alone, and the host's comes back. */
    @ParameterizedTest
    @CsvSource({"true, 0x01010101", "false, 0x00070406"})
    void patIsTheGuestsUnderNestedPaging(boolean nested, long before) {
        Lab lab = Lab.of(MAX).guest("""
                mov ecx, 0x277
                rdmsr
                mov ebx, eax
                mov eax, 0x06060606
                mov edx, eax
                wrmsr
                vmmcall
                """);
        if (nested) {
            lab.nested();
        }
        lab.set(VmcbField.G_PAT, 0x0101010101010101L).run();
        assertThat(lab.cpu.r[Reg.RBX]).isEqualTo(before);
        long gPat = lab.get(VmcbField.G_PAT) & 0xffffffffL;
        assertThat(gPat).isEqualTo(nested ? 0x06060606L : 0x01010101L);
        assertThat(lab.cpu.pat & 0xffffffffL).isEqualTo(nested ? Cpu.PAT_RESET & 0xffffffffL : 0x06060606L);
    }
}
