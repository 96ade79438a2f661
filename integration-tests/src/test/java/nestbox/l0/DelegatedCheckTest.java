package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.StringWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.trace.TextSink;
import nestbox.l0.EntryLab.Vendor;
import nestbox.l0.EntryLab.Way;
import nestbox.vmx.check.CheckRow;
import nestbox.vmx.check.EntryChecks;
import nestbox.vmx.l0.NestedVmxProvider;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.vmx.vmcs.VmcsLayout;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * The checks of vmcs12 that L0 leaves to the silicon, by machine code: L1's VMLAUNCH of a state that violates one ends in exit 33, and it
 * was the silicon's VM entry with vmcs02 that refused.
 */
class DelegatedCheckTest {
    private static final int STEPS = 100;
    /** Where L1 keeps the exit reason. */
    private static final long REASON = 0x309004;

    private static final long FAILED = 0x8000_0021L;
    private static final long NOT_CANONICAL = 0x0100_0000_0000_0000L;
    private static final List<String> DATA = List.of("DS", "ES", "FS", "GS");
    private static final List<String> CODE_AND_DATA = List.of("CS", "SS", "DS", "ES", "FS", "GS");

    /** What L1 is not brought to violate, and why. */
    private static final Map<String, String> LEFT = Map.of(
            "exec.tpr-threshold.vtpr", "the scenarios S-PDPTR and S-CR3 do",
            "guest.cs.d", "L2 is in IA-32e mode, L1 is not",
            "guest.rip.width", "L2 is in IA-32e mode, L1 is not",
            "guest.blocking.smi-entry", "entry to SMM is not offered");

    private final Map<String, Map<VmcsField, Long>> violations = new LinkedHashMap<>();

    private DelegatedCheckTest() {
        for (String segment : CODE_AND_DATA) {
            virtual8086(segment);
            attributes(segment, segment.equals("CS") ? 0xc09b : 0xc093, true);
        }
        for (String segment : DATA) {
            put(segment, "accessed", rights(segment, 0xc092));
            put(segment, "readable", rights(segment, 0xc099));
            put(segment, "dpl", Map.of(field(segment, "SELECTOR"), 0x12L, field(segment, "AR_BYTES"), 0xc0b3L));
        }
        attributes("TR", 0x8b, false);
        attributes("LDTR", 0x82, false);
        others();
        bases();
        put("guest.ldtr.ti", Map.of(VmcsField.GUEST_LDTR_SELECTOR, 0x2cL, VmcsField.GUEST_LDTR_AR_BYTES, 0x82L));
        put("guest.ldtr.type", rights("LDTR", 0x83));
        put("guest.tr.ti", Map.of(VmcsField.GUEST_TR_SELECTOR, 0x1cL));
        put("guest.tr.type", rights("TR", 0x82));
        put("guest.tr.usable", rights("TR", 0x1008b));
        put("guest.cs.type", rights("CS", 0xc09a));
        put("guest.cs.dpl", rights("CS", 0xc0bb));
        put("guest.ss.type", rights("SS", 0xc091));
        put("guest.ss.rpl", Map.of(VmcsField.GUEST_CS_SELECTOR, 0xbL));
        put("guest.ss.dpl.rpl", Map.of(VmcsField.GUEST_SS_AR_BYTES, 0xc0f3L, VmcsField.GUEST_CS_AR_BYTES, 0xc0fbL));
    }

    private static VmcsField field(String segment, String part) {
        return VmcsField.valueOf("GUEST_" + segment + "_" + part);
    }

    private static Map<VmcsField, Long> rights(String segment, long rights) {
        return Map.of(field(segment, "AR_BYTES"), rights);
    }

    private void put(String segment, String aspect, Map<VmcsField, Long> fields) {
        put("guest." + segment.toLowerCase(java.util.Locale.ROOT) + "." + aspect, fields);
    }

    private void put(String check, Map<VmcsField, Long> fields) {
        violations.put(check, fields);
    }

    private void virtual8086(String segment) {
        Map<VmcsField, Long> whole = new LinkedHashMap<>();
        whole.put(VmcsField.GUEST_RFLAGS, 0x20002L);
        for (String each : CODE_AND_DATA) {
            whole.put(field(each, "SELECTOR"), 0x1000L);
            whole.put(field(each, "BASE"), 0x10000L);
            whole.put(field(each, "LIMIT"), 0xffffL);
            whole.put(field(each, "AR_BYTES"), 0xf3L);
        }
        Map<String, Map<VmcsField, Long>> wrong = Map.of(
                "v8086.base", Map.of(field(segment, "BASE"), 0x10010L),
                "v8086.limit", Map.of(field(segment, "LIMIT"), 0x1ffffL),
                "v8086.rights", rights(segment, 0x40f3));
        wrong.forEach((aspect, change) -> {
            Map<VmcsField, Long> fields = new LinkedHashMap<>(whole);
            fields.putAll(change);
            put(segment, aspect, fields);
        });
    }

    private void attributes(String segment, long good, boolean ofMemory) {
        put(segment, "s", rights(segment, good ^ 0x10));
        put(segment, "p", rights(segment, good ^ 0x80));
        put(segment, "reserved-low", rights(segment, good | 0x800));
        put(segment, "reserved-high", rights(segment, good | 0x8000_0000L));
        long granular = ofMemory ? good : good | 0x8000;
        put(segment, "g.low", Map.of(field(segment, "AR_BYTES"), granular, field(segment, "LIMIT"), 0xffeL));
        put(
                segment,
                "g.high",
                Map.of(field(segment, "AR_BYTES"), granular & ~0x8000L, field(segment, "LIMIT"), 0x10_0fffL));
    }

    private void bases() {
        for (String segment : List.of("TR", "FS", "GS")) {
            put(segment, "base.canonical", Map.of(field(segment, "BASE"), NOT_CANONICAL));
        }
        put(
                "guest.ldtr.base.canonical",
                Map.of(VmcsField.GUEST_LDTR_BASE, NOT_CANONICAL, VmcsField.GUEST_LDTR_AR_BYTES, 0x82L));
        for (String segment : List.of("CS", "SS", "DS", "ES")) {
            put(segment, "base.high", Map.of(field(segment, "BASE"), 1L << 32));
        }
        put("guest.gdtr.base.canonical", Map.of(VmcsField.GUEST_GDTR_BASE, NOT_CANONICAL));
        put("guest.idtr.base.canonical", Map.of(VmcsField.GUEST_IDTR_BASE, NOT_CANONICAL));
        put("guest.gdtr.limit", Map.of(VmcsField.GUEST_GDTR_LIMIT, 0x10000L));
        put("guest.idtr.limit", Map.of(VmcsField.GUEST_IDTR_LIMIT, 0x10000L));
        put("guest.sysenter-esp.canonical", Map.of(VmcsField.GUEST_SYSENTER_ESP, NOT_CANONICAL));
        put("guest.sysenter-eip.canonical", Map.of(VmcsField.GUEST_SYSENTER_EIP, NOT_CANONICAL));
    }

    private void others() {
        put("guest.rip.high", Map.of(VmcsField.GUEST_RIP, 1L << 32));
        put("guest.rflags.reserved", Map.of(VmcsField.GUEST_RFLAGS, 0x8002L));
        put("guest.rflags.fixed", Map.of(VmcsField.GUEST_RFLAGS, 0L));
        put("guest.blocking.reserved", Map.of(VmcsField.GUEST_INTERRUPTIBILITY_INFO, 0x20L));
        put(
                "guest.blocking.sti-mov-ss",
                Map.of(VmcsField.GUEST_INTERRUPTIBILITY_INFO, 3L, VmcsField.GUEST_RFLAGS, 0x202L));
        put("guest.blocking.sti-if", Map.of(VmcsField.GUEST_INTERRUPTIBILITY_INFO, 1L));
        put("guest.blocking.smi-outside", Map.of(VmcsField.GUEST_INTERRUPTIBILITY_INFO, 4L));
        put("guest.blocking.enclave", Map.of(VmcsField.GUEST_INTERRUPTIBILITY_INFO, 0x10L));
        put("guest.pending-debug.reserved", Map.of(VmcsField.GUEST_PENDING_DBG_EXCEPTIONS, 0x10L));
        put("guest.pending-debug.rtm-alone", Map.of(VmcsField.GUEST_PENDING_DBG_EXCEPTIONS, 0x1_1001L));
        put("guest.pending-debug.rtm-supported", Map.of(VmcsField.GUEST_PENDING_DBG_EXCEPTIONS, 0x1_1000L));
        put(
                "guest.pending-debug.rtm-blocking",
                Map.of(VmcsField.GUEST_PENDING_DBG_EXCEPTIONS, 0x1_1000L, VmcsField.GUEST_INTERRUPTIBILITY_INFO, 2L));
    }

    @TestFactory
    Stream<DynamicTest> theSiliconRefuses() {
        List<DynamicTest> tests = new ArrayList<>();
        for (Way way : List.of(Way.SHADOW_ON_SHADOW, Way.NESTED_TDP)) {
            EntryLab lab = EntryLab.before(Vendor.VMX, way, EntryLab.GOOD, EntryLab.configuration(Vendor.VMX, way));
            StateWriter before = new StateWriter();
            lab.lab.machine().save(before);
            byte[] start = before.toByteArray();
            StringWriter trace = new StringWriter();
            lab.lab.machine().trace().addSink(new TextSink(trace));
            violations.forEach((check, fields) -> tests.add(DynamicTest.dynamicTest(check + ", " + way, () -> {
                lab.lab.machine().restore(new StateReader(start));
                trace.getBuffer().setLength(0);
                refuses(lab, fields);
                assertThat(trace.toString()).containsPattern("kvm_nested_vmenter_failed: check=\\d+\\(hardware\\)");
            })));
        }
        return tests.stream();
    }

    private static void refuses(EntryLab lab, Map<VmcsField, Long> fields) {
        NestedState state = lab.vcpu().nestedState();
        fields.forEach((field, value) -> state.set(
                NestedState.HEADER + VmcsLayout.offset(field), field.width().bytes(), value));
        lab.vcpu().setNestedState(state);
        lab.lab.run(STEPS);
        assertThat(lab.cpu().physical.read(REASON, 4)).as("exit reason").isEqualTo(FAILED);
    }

    @Test
    void everyCheckThatIsLeftIsTried() {
        Set<String> own = NestedVmxProvider.ownChecks();
        Set<String> tried = new TreeSet<>(violations.keySet());
        tried.addAll(LEFT.keySet());
        assertThat(tried)
                .containsExactlyInAnyOrderElementsOf(EntryChecks.rows().stream()
                        .map(CheckRow::id)
                        .filter(id -> !own.contains(id))
                        .toList());
    }
}
