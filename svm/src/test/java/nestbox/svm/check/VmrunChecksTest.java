package nestbox.svm.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import nestbox.svm.Lab;
import nestbox.svm.l0.OmittedVmrunChecks;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** For each check of VMRUN a state that violates it and the nearest one that does not, run by a real VMRUN. */
class VmrunChecksTest {
    private static final String MODEL = "EPYC-Milan,-gmet,phys-bits=40";
    private static final long LIMIT = 1L << 40;

    private static final long PDPT = 0x30000;
    private static final String WITH_CET = "max,+svm,-ibt,phys-bits=40";

    record Case(String row, String what, Consumer<Lab> edit, boolean valid, String model) {
        Case on(String otherModel) {
            return new Case(row, what, edit, valid, otherModel);
        }

        @Override
        public String toString() {
            return row + ": " + what;
        }
    }

    private static Case bad(String row, String what, Consumer<Lab> edit) {
        return new Case(row, what, edit, false, MODEL);
    }

    private static Case good(String row, String what, Consumer<Lab> edit) {
        return new Case(row, what, edit, true, MODEL);
    }

    private static Consumer<Lab> set(VmcbField field, long value) {
        return lab -> lab.set(field, value);
    }

    private static Consumer<Lab> or(VmcbField field, long bits) {
        return lab -> lab.set(field, lab.get(field) | bits);
    }

    private static Consumer<Lab> without(VmcbField field, long bits) {
        return lab -> lab.set(field, lab.get(field) & ~bits);
    }

    static Stream<Case> cases() {
        List<Case> cases = new ArrayList<>();
        cases.add(bad("control.vmrun.intercepted", "clear", without(VmcbField.INTERCEPT_MISC2, 1)));
        cases.add(bad("control.asid.nonzero", "0", set(VmcbField.GUEST_ASID, 0)));
        cases.add(good("control.asid.nonzero", "1", set(VmcbField.GUEST_ASID, 1)));
        cases.add(bad("control.iopm.address", "third page missing", set(VmcbField.IOPM_BASE_PA, LIMIT - 0x2000)));
        cases.add(good("control.iopm.address", "ends at the limit", set(VmcbField.IOPM_BASE_PA, LIMIT - 0x3000)));
        cases.add(good("control.iopm.address", "low bits are ignored", set(VmcbField.IOPM_BASE_PA, LIMIT - 0x2001)));
        cases.add(bad("control.msrpm.address", "second page missing", set(VmcbField.MSRPM_BASE_PA, LIMIT - 0x1000)));
        cases.add(bad("control.msrpm.address", "all ones", set(VmcbField.MSRPM_BASE_PA, -1)));
        cases.add(good("control.msrpm.address", "fits", set(VmcbField.MSRPM_BASE_PA, LIMIT - 0x3000)));
        cases.add(bad("save.efer.svme", "clear", without(VmcbField.EFER, Cpu.EFER_SVME)));
        for (int bit : new int[] {9, 16, 31, 32, 63}) {
            cases.add(bad("save.efer.reserved", "bit " + bit, or(VmcbField.EFER, 1L << bit)));
        }
        cases.add(good("save.efer.reserved", "SCE and NXE", or(VmcbField.EFER, Cpu.EFER_SCE | Cpu.EFER_NXE)));
        cases.add(bad("save.cr0.cd-nw", "NW alone", or(VmcbField.CR0, Cpu.CR0_NW)));
        cases.add(good("save.cr0.cd-nw", "both", or(VmcbField.CR0, Cpu.CR0_NW | Cpu.CR0_CD)));
        cases.add(good("save.cr0.cd-nw", "CD alone", or(VmcbField.CR0, Cpu.CR0_CD)));
        registers(cases);
        longMode(cases);
        pdpes(cases);
        boundaries(cases);
        shadowStack(cases);
        injectionAndNesting(cases);
        return cases.stream();
    }

    private static void registers(List<Case> cases) {
        for (int bit : new int[] {32, 63}) {
            cases.add(bad("save.cr0.high", "bit " + bit, or(VmcbField.CR0, 1L << bit)));
            cases.add(bad("save.dr6.high", "bit " + bit, or(VmcbField.DR6, 1L << bit)));
            cases.add(bad("save.dr7.high", "bit " + bit, or(VmcbField.DR7, 1L << bit)));
            cases.add(bad("save.cr4.reserved", "bit " + bit, or(VmcbField.CR4, 1L << bit)));
        }
        for (int bit : new int[] {40, 51, 52, 63}) {
            cases.add(bad("save.cr3.reserved", "bit " + bit, or(VmcbField.CR3, 1L << bit)));
        }
        cases.add(good("save.cr3.reserved", "low bits", or(VmcbField.CR3, 0xfff)));
        for (int bit : new int[] {13, 14, 15, 19}) {
            cases.add(bad("save.cr4.reserved", "bit " + bit, or(VmcbField.CR4, 1L << bit)));
        }
        cases.add(good("save.cr4.reserved", "PGE", or(VmcbField.CR4, Cpu.CR4_PGE)));
        cases.add(good("save.dr6.high", "bit 31", or(VmcbField.DR6, 1L << 31)));
        cases.add(good("save.dr7.high", "bit 10", or(VmcbField.DR7, 1L << 10)));
    }

    private static void longMode(List<Case> cases) {
        cases.add(bad("save.long-mode.pae", "no PAE", without(VmcbField.CR4, Cpu.CR4_PAE)));
        cases.add(bad("save.long-mode.pe", "no PE", without(VmcbField.CR0, Cpu.CR0_PE)));
        cases.add(bad(
                "save.long-mode.cs", "L and D", lab -> lab.vmcb.setSegment(VmcbSegment.CS, 8, 0xe9b, 0xffffffffL, 0)));
    }

    /** A guest with PAE paging outside long mode, whose third PDPE is this and whose first ones map its code. */
    private static Consumer<Lab> pae(long pdpe) {
        return lab -> {
            lab.memory.write(PDPT, 8, Lab.TABLES + 0x2000 | 1);
            lab.memory.write(PDPT + 16, 8, pdpe);
            lab.set(VmcbField.EFER, Cpu.EFER_SVME).set(VmcbField.CR3, PDPT);
            lab.vmcb.setSegment(VmcbSegment.CS, 8, 0xc9b, 0xffffffffL, 0);
        };
    }

    private static void pdpes(List<Case> cases) {
        for (int bit : new int[] {1, 2, 5, 8, 40, 63}) {
            cases.add(bad("save.pdpe.reserved", "bit " + bit, pae(1L << bit | 1)));
        }
        cases.add(good("save.pdpe.reserved", "bits that are not reserved", pae(0xff_ffff_fe19L)));
        cases.add(good("save.pdpe.reserved", "not present", pae(-2)));
        cases.add(good("save.pdpe.reserved", "nested paging", pae(-1).andThen(Lab::nested)));
    }

    /** The nearest states that pass. */
    private static void boundaries(List<Case> cases) {
        cases.add(good("control.vmrun.intercepted", "set", lab -> {}));
        cases.add(good("save.efer.svme", "set", lab -> {}));
        cases.add(good("save.cr0.high", "bit 31", lab -> {}));
        Consumer<Lab> noPaging = without(VmcbField.CR0, Cpu.CR0_PG);
        cases.add(good("save.long-mode.pae", "without paging", noPaging.andThen(without(VmcbField.CR4, Cpu.CR4_PAE))));
        cases.add(good("save.long-mode.pe", "without paging", noPaging.andThen(without(VmcbField.CR0, Cpu.CR0_PE))));
        for (int attributes : new int[] {0xa9b, 0xc9b, 0x89b}) {
            cases.add(good(
                    "save.long-mode.cs",
                    "attributes " + Integer.toHexString(attributes),
                    lab -> lab.vmcb.setSegment(VmcbSegment.CS, 8, attributes, 0xffffffffL, 0)));
        }
        for (int type : new int[] {0, 2, 3, 4}) {
            cases.add(good("inject.type", "type " + type, set(VmcbField.EVENTINJ, 1L << 31 | type << 8 | 3)));
        }
        for (int vector : new int[] {0, 1, 3, 8, 10, 14, 16, 19, 30}) {
            cases.add(good("inject.exception.vector", "" + vector, exception(vector)));
        }
        cases.add(good("inject.exception.vector", "21", exception(21)).on(WITH_CET));
        for (int vector : new int[] {3, 6}) {
            cases.add(good("inject.exception.mode", "64-bit mode, " + vector, exception(vector)));
        }
        for (int vector : new int[] {4, 5}) {
            cases.add(good(
                    "inject.exception.mode",
                    "compatibility mode, " + vector,
                    exception(vector).andThen(lab -> lab.vmcb.setSegment(VmcbSegment.CS, 8, 0xc9b, 0xffffffffL, 0))));
        }
        cases.add(good(
                "nested.ncr3.reserved", "the highest page", lab -> lab.nested().set(VmcbField.N_CR3, LIMIT - 0x1000)));
        Consumer<Lab> unpaged = lab -> lab.nested().host32(0, 0);
        cases.add(bad(
                "nested.host-paging",
                "off",
                unpaged.andThen(set(VmcbField.EFER, Cpu.EFER_SVME))
                        .andThen(set(VmcbField.CR0, Cpu.CR0_PE | Cpu.CR0_ET))));
        cases.add(good("nested.host-paging", "on", lab -> lab.nested()));
        cases.add(bad("control.vnmi.intercepted", "not intercepted", set(VmcbField.INTERRUPT_CONTROL, 1 << 26))
                .on("max,+svm"));
        cases.add(good(
                        "control.vnmi.intercepted",
                        "intercepted",
                        lab -> lab.set(VmcbField.INTERRUPT_CONTROL, 1 << 26).intercept(0x61))
                .on("max,+svm"));
        cases.add(good("control.vnmi.intercepted", "not there", set(VmcbField.INTERRUPT_CONTROL, 1 << 26)));
        cases.add(good(
                        "save.cet.v86",
                        "without CET",
                        set(VmcbField.RFLAGS, Flags.VM | 2)
                                .andThen(set(VmcbField.CR0, Cpu.CR0_PE | Cpu.CR0_ET))
                                .andThen(set(VmcbField.EFER, Cpu.EFER_SVME))
                                .andThen(lab -> lab.cpu.userCet = 1))
                .on(WITH_CET));
    }

    private static Consumer<Lab> exception(int vector) {
        return set(VmcbField.EVENTINJ, 1L << 31 | 3 << 8 | vector);
    }

    private static final long CET = Cpu.CR4_CET;

    private static void shadowStack(List<Case> cases) {
        for (int bit : new int[] {2, 10, 12, 63}) {
            cases.add(bad("save.s-cet.reserved", "bit " + bit, or(VmcbField.S_CET, 1L << bit))
                    .on(WITH_CET));
        }
        cases.add(good("save.s-cet.reserved", "SH_STK_EN and WR_SHSTK_EN", or(VmcbField.S_CET, 3))
                .on(WITH_CET));
        cases.add(good("save.s-cet.reserved", "not there", or(VmcbField.S_CET, -1)));
        cases.add(bad("save.cet.wp", "CET alone", or(VmcbField.CR4, CET)).on(WITH_CET));
        cases.add(good("save.cet.wp", "both", or(VmcbField.CR4, CET).andThen(or(VmcbField.CR0, Cpu.CR0_WP)))
                .on(WITH_CET));
        Consumer<Lab> v86 = or(VmcbField.CR4, CET)
                .andThen(set(VmcbField.CR0, Cpu.CR0_PE | Cpu.CR0_ET | Cpu.CR0_WP))
                .andThen(set(VmcbField.RFLAGS, Flags.VM | 2))
                .andThen(set(VmcbField.EFER, Cpu.EFER_SVME));
        cases.add(bad("save.cet.v86", "enabled for users", v86.andThen(lab -> lab.cpu.userCet = 1))
                .on(WITH_CET));
    }

    private static void injectionAndNesting(List<Case> cases) {
        for (int type : new int[] {1, 5, 6, 7}) {
            cases.add(bad("inject.type", "type " + type, set(VmcbField.EVENTINJ, 1L << 31 | type << 8 | 3)));
            cases.add(good("inject.type", "type " + type + " not valid", set(VmcbField.EVENTINJ, type << 8 | 3)));
        }
        for (int vector : new int[] {2, 9, 15, 20, 21, 22, 27, 28, 29, 31, 32, 255}) {
            cases.add(bad("inject.exception.vector", "" + vector, exception(vector)));
        }
        for (int vector : new int[] {4, 5}) {
            cases.add(bad("inject.exception.mode", "64-bit mode, " + vector, exception(vector)));
        }
        cases.add(bad(
                "nested.ncr3.reserved", "beyond the width", lab -> lab.nested().set(VmcbField.N_CR3, LIMIT)));
        cases.add(bad("nested.pat", "type 2", lab -> lab.nested().set(VmcbField.G_PAT, 2)));
        cases.add(bad(
                "nested.pat", "type 8 in the last entry", lab -> lab.nested().set(VmcbField.G_PAT, 8L << 56)));
        cases.add(good("nested.pat", "without nested paging", set(VmcbField.G_PAT, 2)));
        cases.add(good("nested.pat", "UC-", lab -> lab.nested().set(VmcbField.G_PAT, 0x0707070707070707L)));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void vmrunDecides(Case c) {
        Lab lab = Lab.of(c.model).guest("vmmcall").intercept(0x7f);
        c.edit.accept(lab);
        lab.run();
        if (c.valid) {
            assertThat(ExitCode.name(lab.exitCode())).isNotIn("INVALID", "CR_READ0");
        } else {
            assertThat(ExitCode.name(lab.exitCode())).isEqualTo("INVALID");
        }
    }

    @Test
    void everyRowHasAViolationAndAStateThatPasses() {
        for (boolean valid : new boolean[] {false, true}) {
            Set<String> seen = new HashSet<>();
            cases().filter(c -> c.valid == valid).forEach(c -> seen.add(c.row));
            assertThat(VmrunChecks.rows())
                    .extracting(VmrunCheck::id)
                    .allMatch(seen::contains)
                    .doesNotHaveDuplicates();
        }
    }

    /** The report in docs tells what these tests prove; {@code -Dnestbox.write=true} writes it anew. */
    @Test
    void reportIsUpToDate() throws IOException {
        Path file = Path.of(System.getProperty("nestbox.root", "."), "docs", "svm-vmrun-checks.md");
        String report = report();
        if (Boolean.getBoolean("nestbox.write")) {
            Files.writeString(file, report);
        }
        assertThat(file).content().isEqualTo(report);
    }

    private static String report() {
        List<VmrunCheck> rows = VmrunChecks.rows();
        StringBuilder report = new StringBuilder("# Checks of VMRUN\n\n")
                .append("Generated by VmrunChecksTest from the table of checks and the tests' cases. ")
                .append(rows.size())
                .append(" checks, each with states that a real VMRUN refuses and states near them that it takes. ")
                .append(rows.stream().filter(row -> !row.verified()).count())
                .append(" rest on text of the manual that could not be read (unverified).\n\n")
                .append(
                        "Left out by a nested entry of L0 (`--policy check.omit=ROW`), a *delegable* check is the silicon's: what it")
                .append(
                        " looks at passes into vmcb02. Without one that is L0's alone L2 runs in a state that hardware refuses.\n\n")
                .append(
                        "| check | rule | APM Vol. 2 | refused | taken | text | left out by L0 |\n|---|---|---|---|---|---|---|\n");
        for (VmrunCheck row : rows) {
            OmittedVmrunChecks.Omitted omitted = OmittedVmrunChecks.all().get(row.id());
            report.append("| %s | %s | %s | %d | %d | %s | %s: %s |\n"
                    .formatted(
                            row.id(),
                            row.rule(),
                            row.section(),
                            cases().filter(c -> !c.valid && c.row.equals(row.id()))
                                    .count(),
                            cases().filter(c -> c.valid && c.row.equals(row.id()))
                                    .count(),
                            row.verified() ? "read" : "unverified",
                            omitted.finder(),
                            omitted.why()));
        }
        return report.toString();
    }

    @Test
    void virtualNmisNeedTheNmiIntercept() {
        Lab lab = Lab.of("max,+svm").guest("vmmcall").set(VmcbField.INTERRUPT_CONTROL, 1 << 26);
        assertThat(lab.run().exitCode()).isEqualTo(ExitCode.INVALID.code());
        assertThat(lab.intercept(0x61).run().exitCode()).isEqualTo(ExitCode.VMMCALL.code());
    }
}
