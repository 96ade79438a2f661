package nestbox.testkit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import nestbox.l0.NestedPolicy;
import nestbox.l0.ledger.CheckReport;
import nestbox.machine.Outcome;
import nestbox.modules.L0Mode;
import nestbox.modules.NestboxConfiguration;
import nestbox.svm.vmcb.VmcbField;
import nestbox.vmx.vmcs.CurrentVmcs;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.vmx.vmcs.VmcsLayout;
import nestbox.x86.Cpu;
import org.assertj.core.api.AbstractAssert;

/** What can be claimed of a run. Machine state is that of processor 0 as the guest left it. */
public final class LabAssert extends AbstractAssert<LabAssert, LabRun> {
    private static final long PAGE = ~0xfffL;
    private static final List<String> GENERAL = List.of(
            "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
            "r15");

    LabAssert(LabRun run) {
        super(run, LabAssert.class);
    }

    // ---- how it ended ---------------------------------------------------------------------------------------------

    /** The guest ended the run with debug exit 0. */
    public LabAssert endedWell() {
        isNotNull();
        Outcome outcome = actual.outcome();
        if (outcome.kind() != Outcome.Kind.DEBUG_EXIT || outcome.code() != 0) {
            fail("the run to end with debug exit 0", Steps.ending(outcome));
        }
        return this;
    }

    public LabAssert ended(Outcome.Kind kind) {
        isNotNull();
        if (actual.outcome().kind() != kind) {
            fail("the run to end by " + kind, Steps.ending(actual.outcome()));
        }
        return this;
    }

    /** The serial port's output is exactly this. */
    public LabAssert printed(String text) {
        isNotNull();
        if (!actual.printed().equals(text)) {
            fail("the guest to print \"" + text + '"', '"' + actual.printed() + '"');
        }
        return this;
    }

    /** Another run printed the same, ended the same way, and gave L1 the same exits. */
    public LabAssert isLike(LabRun other) {
        printed(other.printed());
        exitsToL1(other.exitsToL1().toArray(String[]::new));
        if (!actual.outcome().equals(other.outcome())) {
            fail("the run to end by " + Steps.ending(other.outcome()), Steps.ending(actual.outcome()));
        }
        return this;
    }

    // ---- exits ----------------------------------------------------------------------------------------------------

    /** L1 was given exactly these exits from L2, by the names of the vendor's table. */
    public LabAssert exitsToL1(String... names) {
        whole();
        if (!actual.exitsToL1().equals(Arrays.asList(names))) {
            fail("the exits to L1 to be " + Arrays.toString(names), actual.exitsToL1());
        }
        return this;
    }

    /** L1 was given this exit at least once. */
    public LabAssert exitToL1(String name) {
        return contains("exit to L1", actual.exitsToL1(), name, true);
    }

    public LabAssert noExitToL1(String name) {
        return contains("exit to L1", actual.exitsToL1(), name, false);
    }

    /** L0 saw this exit, of L1 or of L2, at least once. */
    public LabAssert exitToL0(String name) {
        return contains("exit to L0", actual.exitsToL0(), name, true);
    }

    public LabAssert noExitToL0(String name) {
        return contains("exit to L0", actual.exitsToL0(), name, false);
    }

    private LabAssert contains(String what, List<String> exits, String name, boolean wanted) {
        if (!wanted) {
            whole();
        }
        if (exits.contains(name) != wanted) {
            fail((wanted ? "an " : "no ") + what + " " + name, exits);
        }
        return this;
    }

    // ---- registers and control structures ------------------------------------------------------------------------

    /** A general register, rip, rflags, cr0, cr2, cr3, cr4 or efer has this value. */
    public LabAssert register(String name, long value) {
        isNotNull();
        long found = registerOf(name.toLowerCase(Locale.ROOT));
        if (found != value) {
            fail(name + " to be " + hex(value), hex(found));
        }
        return this;
    }

    private long registerOf(String name) {
        Cpu cpu = actual.machine().cpu(0);
        int general = GENERAL.indexOf(name);
        if (general >= 0) {
            return cpu.r[general];
        }
        return switch (name) {
            case "rip" -> cpu.rip;
            case "rflags" -> cpu.rflags();
            case "cr0" -> cpu.cr0;
            case "cr2" -> cpu.cr2;
            case "cr3" -> cpu.cr3;
            case "cr4" -> cpu.cr4;
            case "efer" -> cpu.efer;
            default -> throw new IllegalArgumentException("no register " + name);
        };
    }

    /** The PDPTE registers of the level that runs at the end, L1 as a rule, are these four. */
    public LabAssert pdptes(long... values) {
        isNotNull();
        long[] found = actual.machine().cpu(0).pdpte;
        if (!Arrays.equals(found, values)) {
            fail("the PDPTEs to be " + hex(values), hex(found));
        }
        return this;
    }

    /** A field of the current VMCS, vmcs12 under L0, has this value. */
    public LabAssert vmcs(VmcsField field, long value) {
        isNotNull();
        Vmcs current = vmx().currentVmcs();
        if (current == null) {
            fail("a current VMCS", "none");
        }
        return is(field, current.get(field), value);
    }

    /** A field of the VMCS at a label of the guest's has this value. */
    public LabAssert vmcs(String label, VmcsField field, long value) {
        isNotNull();
        long address = actual.address(label);
        Vmcs current = vmx().currentVmcs();
        if (current != null && current.address() == address) {
            return is(field, current.get(field), value);
        }
        long at = address + VmcsLayout.offset(field);
        return is(field, actual.machine().memory().read(at, field.width().bytes()), value);
    }

    /** A field of the VMCB at a label of the guest's, vmcb12 under L0, has this value. */
    public LabAssert vmcb(String label, VmcbField field, long value) {
        isNotNull();
        return is(field, actual.machine().memory().read(actual.address(label) + field.offset(), field.bytes()), value);
    }

    private LabAssert is(Enum<?> field, long found, long value) {
        if (found != value) {
            fail(field + " to be " + hex(value), hex(found));
        }
        return this;
    }

    private CurrentVmcs vmx() {
        if (actual.machine().cpu(0).extension instanceof CurrentVmcs vmx) {
            return vmx;
        }
        throw new IllegalArgumentException("the processor has no VMX");
    }

    // ---- translations ---------------------------------------------------------------------------------------------

    /** Code of L1 that called {@code see} with this address last read this number there. */
    public LabAssert l1Sees(long address, long value) {
        return sees(1, address, value);
    }

    /** Code of L2 that called {@code see} with this address last read this number there. */
    public LabAssert l2Sees(long address, long value) {
        return sees(2, address, value);
    }

    private LabAssert sees(int level, long address, long value) {
        isNotNull();
        LabRun.Witness last = null;
        for (LabRun.Witness witness : actual.witnesses()) {
            if (witness.level() == level && witness.address() == address) {
                last = witness;
            }
        }
        if (last == null || last.value() != value) {
            fail("L" + level + " to see " + hex(value) + " at " + hex(address), actual.witnesses());
        }
        return this;
    }

    /** An access to the page of this address, as the running level names it, was answered by L0's MMIO cache. */
    public LabAssert usedMmioCache(long address) {
        return mmioCache(address, true);
    }

    public LabAssert didNotUseMmioCache(long address) {
        return mmioCache(address, false);
    }

    private LabAssert mmioCache(long address, boolean wanted) {
        whole();
        List<String> hits = new ArrayList<>();
        boolean found = false;
        for (RecordedEvent event : actual.events()) {
            if (event.name().equals("mmio_cache_hit")) {
                hits.add(event.text("address"));
                found |= ((event.field("address") ^ address) & PAGE) == 0;
            }
        }
        if (found != wanted) {
            fail((wanted ? "an" : "no") + " access to " + hex(address) + " that the MMIO cache answers", hits);
        }
        return this;
    }

    /**
     * L1 used a translation of this address's page that no legal cache explains, which ended the run; the check after the test then
     * lets it pass.
     */
    public LabAssert usedStaleTranslation(long address) {
        stale(CheckReport.Verdict.FAULT, address);
        actual.expectStaleUse();
        return this;
    }

    /** L1 used a translation of this address's page that its tables no longer gave and that it had not invalidated. */
    public LabAssert usedPermittedStaleTranslation(long address) {
        return stale(CheckReport.Verdict.PERMITTED, address);
    }

    private LabAssert stale(CheckReport.Verdict verdict, long address) {
        boolean found =
                judged().stream().anyMatch(use -> use.verdict() == verdict && ((use.linear() ^ address) & PAGE) == 0);
        if (!found) {
            fail("a stale use of " + hex(address) + " (" + verdict + ")", judged());
        }
        return this;
    }

    /** L1 used no translation but those that its tables gave at the time. */
    public LabAssert usedNoStaleTranslation() {
        if (!judged().isEmpty()) {
            fail("no stale use", judged());
        }
        return this;
    }

    private List<CheckReport> judged() {
        isNotNull();
        if (actual.staleUses() == null) {
            throw new IllegalStateException("nobody judged translations: run with checkTlb");
        }
        return actual.staleUses();
    }

    // ---- events ---------------------------------------------------------------------------------------------------

    /** Events that match these patterns ({@link RecordedEvent#matches}) happened in this order, others between them or not. */
    public LabAssert eventsInOrder(String... patterns) {
        isNotNull();
        int next = 0;
        for (RecordedEvent event : actual.events()) {
            if (next < patterns.length && event.matches(patterns[next])) {
                next++;
            }
        }
        if (next < patterns.length) {
            String before =
                    next == 0 ? "" : " behind " + Arrays.asList(patterns).subList(0, next);
            fail("the event " + patterns[next] + before, "none");
        }
        return this;
    }

    /** No event matches the pattern. */
    public LabAssert noEvent(String pattern) {
        whole();
        for (RecordedEvent event : actual.events()) {
            if (event.matches(pattern)) {
                fail("no event " + pattern, event);
            }
        }
        return this;
    }

    /** L1 read this field of a VMCS, by VMREAD. */
    public LabAssert l1Read(VmcsField field) {
        watched();
        return eventsInOrder("vmcs_read field=" + field);
    }

    public LabAssert l1NeverRead(VmcsField field) {
        watched();
        return noEvent("vmcs_read field=" + field);
    }

    /** L1 wrote this field of a VMCS, by VMWRITE. */
    public LabAssert l1Wrote(VmcsField field) {
        watched();
        return eventsInOrder("vmcs_write field=" + field);
    }

    public LabAssert l1NeverWrote(VmcsField field) {
        watched();
        return noEvent("vmcs_write field=" + field);
    }

    /** Accesses to a VMCS that L0 shadows leave no trace, so that nothing can be claimed of them. */
    private void watched() {
        isNotNull();
        NestboxConfiguration configuration = actual.lab().configuration();
        if (configuration.l0() != L0Mode.NONE && configuration.nesting().applies(NestedPolicy.VMCS_SHADOWING)) {
            throw new IllegalStateException(
                    "L0 shadows vmcs12: run with the policy vmcs.shadowing=off to watch fields");
        }
    }

    /** Of a run so long that its first events are forgotten nobody can say what has not happened. */
    private void whole() {
        isNotNull();
        if (actual.forgottenEvents() > 0) {
            throw new IllegalStateException("the run's first " + actual.forgottenEvents() + " events are not kept");
        }
    }

    // ---- words ----------------------------------------------------------------------------------------------------

    private void fail(String expected, Object found) {
        failWithMessage("%nExpected %s%nbut found %s%n(%s)", expected, found, actual.title());
    }

    private static String hex(long... values) {
        List<String> texts = new ArrayList<>();
        for (long value : values) {
            texts.add("0x" + Long.toHexString(value));
        }
        return String.join(", ", texts);
    }
}
