package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.StringWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Stream;
import nestbox.core.trace.TextSink;
import nestbox.l0.EntryLab.Vendor;
import nestbox.l0.EntryLab.Way;
import nestbox.modules.NestboxConfiguration;
import nestbox.svm.check.VmrunCheck;
import nestbox.svm.check.VmrunChecks;
import nestbox.svm.l0.OmittedVmrunChecks;
import nestbox.svm.l0.OmittedVmrunChecks.Finder;
import nestbox.svm.vmcb.VmcbField;
import nestbox.x86.Cpu;
import nestbox.x86.model.Feature;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * What {@link OmittedVmrunChecks} says of each check of VMRUN, by machine code: L1 enters L2 with a VMCB that violates it, and L0 leaves
 * the check out. What the silicon does not find ends in an L2 that runs.
 */
class OmittedVmrunCheckTest {
    private static final List<Way> WAYS = List.of(Way.SHADOW_ON_SHADOW, Way.SHADOW_ON_TDP, Way.NESTED_TDP);
    private static final int CS_ATTRIBUTES = 0x412;
    /** A PDPE of L2. */
    private static final long PDPE = 0x301010;

    private static final long HIGH = 1L << 32;
    private static final long BEYOND = 1L << 50;
    private static final long VALID = 1L << 31;
    private static final int EXCEPTION = 3 << 8;
    private static final int OVERFLOW = 4;
    private static final long V_NMI_ENABLE = 1 << 26;
    private static final long FFXSR = 1 << 14;

    /**
     * How a check is violated.
     *
     * @param where in which ways L2 runs for want of it; in the others the silicon finds it, too
     * @param lacks of the guest's model, beside what the silicon has
     */
    private record Violation(Consumer<EntryLab> edit, Set<Way> where, String lacks) {
        Violation(Consumer<EntryLab> edit) {
            this(edit, Set.copyOf(WAYS), "");
        }
    }

    private static Consumer<EntryLab> set(VmcbField field, long value) {
        return lab -> lab.cpu().physical.write(EntryLab.CONTROL + field.offset(), field.bytes(), value);
    }

    private static Consumer<EntryLab> change(VmcbField field, long clear, long set) {
        return lab -> {
            long at = EntryLab.CONTROL + field.offset();
            long old = lab.cpu().physical.read(at, field.bytes());
            lab.cpu().physical.write(at, field.bytes(), old & ~clear | set);
        };
    }

    private static Consumer<EntryLab> code(int attributes) {
        return lab -> lab.cpu().physical.write(EntryLab.CONTROL + CS_ATTRIBUTES, 2, attributes);
    }

    private static Map<String, Violation> violations() {
        Map<String, Violation> all = new LinkedHashMap<>();
        controls(all);
        registers(all);
        Consumer<EntryLab> longMode = change(VmcbField.EFER, 0, Cpu.EFER_LME);
        all.put(
                "save.long-mode.pae",
                new Violation(
                        longMode.andThen(change(VmcbField.CR4, Cpu.CR4_PAE, 0)), Set.of(Way.SHADOW_ON_SHADOW), ""));
        all.put("save.long-mode.pe", new Violation(longMode.andThen(change(VmcbField.CR0, Cpu.CR0_PE, 0))));
        all.put("save.long-mode.cs", new Violation(longMode.andThen(code(0xe9b))));
        all.put("save.pdpe.reserved", new Violation(lab -> lab.cpu().physical.write(PDPE, 4, 3)));
        all.put("inject.type", new Violation(set(VmcbField.EVENTINJ, VALID | 1 << 8 | 3)));
        all.put("inject.exception.vector", new Violation(set(VmcbField.EVENTINJ, VALID | EXCEPTION | 9)));
        all.put(
                "inject.exception.mode",
                new Violation(
                        longMode.andThen(code(0xa9b)).andThen(set(VmcbField.EVENTINJ, VALID | EXCEPTION | OVERFLOW))));
        all.put("nested.ncr3.reserved", new Violation(change(VmcbField.N_CR3, 0, BEYOND), Set.of(Way.NESTED_TDP), ""));
        all.put("nested.pat", new Violation(set(VmcbField.G_PAT, 2)));
        return all;
    }

    private static void controls(Map<String, Violation> all) {
        all.put("control.vmrun.intercepted", new Violation(change(VmcbField.INTERCEPT_MISC2, 1, 0)));
        all.put("control.asid.nonzero", new Violation(set(VmcbField.GUEST_ASID, 0)));
        all.put("control.iopm.address", new Violation(set(VmcbField.IOPM_BASE_PA, BEYOND)));
        all.put("control.msrpm.address", new Violation(set(VmcbField.MSRPM_BASE_PA, BEYOND)));
        all.put("control.vnmi.intercepted", new Violation(change(VmcbField.INTERRUPT_CONTROL, 0, V_NMI_ENABLE)));
    }

    private static void registers(Map<String, Violation> all) {
        all.put("save.efer.svme", new Violation(change(VmcbField.EFER, Cpu.EFER_SVME, 0)));
        all.put("save.efer.reserved", new Violation(change(VmcbField.EFER, 0, FFXSR), Set.copyOf(WAYS), ",-fxsr-opt"));
        all.put("save.cr4.reserved", new Violation(change(VmcbField.CR4, 0, Cpu.CR4_SMEP), Set.copyOf(WAYS), ",-smep"));
        all.put("save.cr0.cd-nw", new Violation(change(VmcbField.CR0, 0, Cpu.CR0_NW)));
        all.put("save.cr0.high", new Violation(change(VmcbField.CR0, 0, HIGH)));
        all.put("save.cr3.reserved", new Violation(change(VmcbField.CR3, 0, BEYOND), Set.of(Way.SHADOW_ON_SHADOW), ""));
        all.put("save.dr6.high", new Violation(change(VmcbField.DR6, 0, HIGH)));
        all.put("save.dr7.high", new Violation(change(VmcbField.DR7, 0, HIGH)));
    }

    /** What a run comes to: who refused the first entry, or that L2 ran. */
    private static String run(String check, Violation violation, Way way, boolean omitted) {
        NestboxConfiguration.Builder builder = EntryLab.configuration(Vendor.SVM, way).toBuilder()
                .cpu("max,+svm")
                .guestCpu("max,+svm" + violation.lacks);
        if (omitted) {
            builder.policy(NestedPolicies.OMIT, check);
        }
        EntryLab lab = EntryLab.before(Vendor.SVM, way, EntryLab.GOOD, builder.build());
        violation.edit.accept(lab);
        StringWriter trace = new StringWriter();
        lab.lab.machine().trace().addSink(new TextSink(trace));
        String printed = lab.finish();
        if (printed.startsWith("F")) {
            return trace.toString()
                    .lines()
                    .filter(line -> line.contains("kvm_nested_vmenter_failed"))
                    .map(line -> line.replaceAll(".*\\((.*)\\).*", "$1"))
                    .findFirst()
                    .orElseThrow();
        }
        return printed.startsWith("3") ? "ran" : printed;
    }

    @TestFactory
    Stream<DynamicTest> leftOut() {
        List<DynamicTest> tests = new ArrayList<>();
        violations().forEach((check, violation) -> {
            Finder finder = OmittedVmrunChecks.all().get(check).finder();
            for (Way way : WAYS) {
                tests.add(DynamicTest.dynamicTest(
                        check + ", " + finder + ", " + way, () -> decide(check, violation, way)));
            }
        });
        return tests.stream();
    }

    private static void decide(String check, Violation violation, Way way) {
        boolean ofNested = check.startsWith("nested.") || check.startsWith("save.pdpe");
        if (ofNested && check.startsWith("nested.") != way.tdp) {
            // The check looks at nested paging, or at the lack of it.
            assertThat(run(check, violation, way, false)).isEqualTo("ran");
            return;
        }
        if (way == WAYS.get(0) || check.startsWith("nested.")) {
            assertThat(run(check, violation, way, false)).as("L0 makes it").isEqualTo(check);
        }
        String expected = switch (OmittedVmrunChecks.all().get(check).finder()) {
            case SILICON -> "hardware";
            case ANOTHER_STEP -> "pdptes";
            case NOBODY -> violation.where.contains(way) ? "ran" : "hardware";
            case NOTHING_TO_FIND -> check;
        };
        assertThat(run(check, violation, way, true)).as("L0 leaves it out").isEqualTo(expected);
    }

    @Test
    void everyCheckHasItsRow() {
        List<String> checks = VmrunChecks.rows().stream().map(VmrunCheck::id).toList();
        assertThat(OmittedVmrunChecks.all().keySet()).containsExactlyInAnyOrderElementsOf(checks);
        Set<String> tried = new TreeSet<>(checks);
        tried.removeIf(check -> OmittedVmrunChecks.all().get(check).finder() == Finder.NOTHING_TO_FIND);
        assertThat(violations().keySet()).containsExactlyInAnyOrderElementsOf(tried);
    }

    /** Why some cannot be violated under L0. */
    @Test
    void whatGuestsLack() {
        EntryLab lab = EntryLab.before(
                Vendor.SVM,
                Way.NESTED_TDP,
                EntryLab.GOOD,
                EntryLab.configuration(Vendor.SVM, Way.NESTED_TDP).toBuilder()
                        .cpu("max,+svm")
                        .guestCpu("max,+svm")
                        .build());
        assertThat(lab.cpu().features.has(Feature.SHSTK)).isFalse();
        lab.cpu().cr0 &= ~Cpu.CR0_PG;
        lab.vcpu().registersReplaced();
        assertThat(lab.finish()).as("#UD without an IDT").contains("SHUTDOWN", "bytes 0f 01 d8");
    }
}
