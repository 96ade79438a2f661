package nestbox.vmx.capability;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;

/**
 * Which VMX feature cannot be without which other. A feature whose need is not met is dropped, so that {@code -vmx-ept}
 * takes unrestricted guest with it (SDM Vol. 3, Appendix "VMX Capability Reporting Facility": capability MSRs that exist
 * only with a control; section on each control for the instruction that it is about).
 */
final class Dependencies {
    /** A feature and the others, all of which it needs. */
    private record Need(VmxFeature feature, List<VmxFeature> others) {}

    /** A feature and the CPU features, any of which it needs. */
    private record CpuNeed(VmxFeature feature, List<Feature> any) {}

    private static final List<Need> NEEDS = List.of(
            need(VmxFeature.TERTIARY_CONTROLS, VmxFeature.SECONDARY_CONTROLS),
            need(VmxFeature.EPT_VIOLATION_VE, VmxFeature.ENABLE_EPT),
            need(VmxFeature.UNRESTRICTED_GUEST, VmxFeature.ENABLE_EPT, VmxFeature.STORE_LMA),
            need(VmxFeature.MODE_BASED_EXECUTE, VmxFeature.ENABLE_EPT),
            need(VmxFeature.SUB_PAGE_WRITE_PERMISSION, VmxFeature.ENABLE_EPT),
            need(VmxFeature.ENABLE_PML, VmxFeature.ENABLE_EPT, VmxFeature.EPT_ACCESSED_DIRTY),
            need(VmxFeature.EPTP_SWITCHING, VmxFeature.ENABLE_VM_FUNCTIONS, VmxFeature.ENABLE_EPT),
            need(VmxFeature.INVEPT_SINGLE, VmxFeature.INVEPT),
            need(VmxFeature.INVEPT_ALL, VmxFeature.INVEPT),
            need(VmxFeature.INVVPID_ADDRESS, VmxFeature.INVVPID),
            need(VmxFeature.INVVPID_SINGLE, VmxFeature.INVVPID),
            need(VmxFeature.INVVPID_ALL, VmxFeature.INVVPID),
            need(VmxFeature.INVVPID_SINGLE_RETAINING_GLOBALS, VmxFeature.INVVPID),
            need(VmxFeature.VIRTUALIZE_X2APIC_MODE, VmxFeature.TPR_SHADOW),
            need(VmxFeature.APIC_REGISTER_VIRTUALIZATION, VmxFeature.TPR_SHADOW),
            need(VmxFeature.VIRTUAL_INTERRUPT_DELIVERY, VmxFeature.TPR_SHADOW),
            need(VmxFeature.POSTED_INTERRUPTS, VmxFeature.VIRTUAL_INTERRUPT_DELIVERY, VmxFeature.ACKNOWLEDGE_INTERRUPT),
            need(VmxFeature.NMI_WINDOW_EXITING, VmxFeature.VIRTUAL_NMIS),
            need(VmxFeature.VIRTUAL_NMIS, VmxFeature.NMI_EXITING),
            need(VmxFeature.SAVE_PREEMPTION_TIMER, VmxFeature.PREEMPTION_TIMER),
            need(VmxFeature.CR3_LOAD_EXITING, VmxFeature.TRUE_CONTROLS),
            need(VmxFeature.CR3_STORE_EXITING, VmxFeature.TRUE_CONTROLS),
            need(VmxFeature.SAVE_DEBUG_CONTROLS, VmxFeature.TRUE_CONTROLS),
            need(VmxFeature.LOAD_DEBUG_CONTROLS, VmxFeature.TRUE_CONTROLS));

    private static final List<CpuNeed> CPU_NEEDS = List.of(
            cpu(VmxFeature.IA32E_MODE_GUEST, Feature.LM),
            cpu(VmxFeature.HOST_ADDRESS_SPACE_SIZE, Feature.LM),
            cpu(VmxFeature.CR8_LOAD_EXITING, Feature.LM),
            cpu(VmxFeature.CR8_STORE_EXITING, Feature.LM),
            cpu(VmxFeature.ENABLE_RDTSCP, Feature.RDTSCP, Feature.RDPID),
            cpu(VmxFeature.ENABLE_INVPCID, Feature.INVPCID),
            cpu(VmxFeature.RDRAND_EXITING, Feature.RDRAND),
            cpu(VmxFeature.RDSEED_EXITING, Feature.RDSEED),
            cpu(VmxFeature.ENABLE_XSAVES, Feature.XSAVES),
            cpu(VmxFeature.USER_WAIT_AND_PAUSE, Feature.WAITPKG),
            cpu(VmxFeature.ENTRY_LOAD_BNDCFGS, Feature.MPX),
            cpu(VmxFeature.CLEAR_BNDCFGS, Feature.MPX),
            cpu(VmxFeature.ENTRY_LOAD_CET, Feature.SHSTK, Feature.IBT),
            cpu(VmxFeature.EXIT_LOAD_CET, Feature.SHSTK, Feature.IBT),
            cpu(VmxFeature.ENTRY_LOAD_PKRS, Feature.PKS),
            cpu(VmxFeature.EXIT_LOAD_PKRS, Feature.PKS),
            cpu(VmxFeature.ENTRY_LOAD_EFER, Feature.LM, Feature.NX),
            cpu(VmxFeature.EXIT_LOAD_EFER, Feature.LM, Feature.NX),
            cpu(VmxFeature.EXIT_SAVE_EFER, Feature.LM, Feature.NX),
            cpu(VmxFeature.VIRTUALIZE_SPEC_CTRL, Feature.SPEC_CTRL));

    private Dependencies() {}

    /** The features of {@code wanted} that Nestbox implements and whose needs are met. */
    static EnumSet<VmxFeature> resolve(Set<VmxFeature> wanted, CpuFeatures cpu) {
        EnumSet<VmxFeature> result = EnumSet.noneOf(VmxFeature.class);
        result.addAll(wanted);
        result.removeIf(feature -> !feature.implemented());
        for (CpuNeed need : CPU_NEEDS) {
            if (need.any().stream().noneMatch(cpu::has)) {
                result.remove(need.feature());
            }
        }
        boolean changed = true;
        while (changed) {
            changed = result.removeIf(lacksNeed(result)) | dropWords(result);
        }
        return result;
    }

    private static Predicate<VmxFeature> lacksNeed(Set<VmxFeature> present) {
        return feature ->
                NEEDS.stream().anyMatch(need -> need.feature() == feature && !present.containsAll(need.others()));
    }

    /** Drops the bits of words whose activating control is gone. */
    private static boolean dropWords(Set<VmxFeature> present) {
        boolean changed = dropWord(present, CapabilityWord.SECONDARY, VmxFeature.SECONDARY_CONTROLS);
        changed |= dropWord(present, CapabilityWord.TERTIARY, VmxFeature.TERTIARY_CONTROLS);
        changed |= dropWord(present, CapabilityWord.EXIT2, VmxFeature.SECONDARY_EXIT_CONTROLS);
        changed |= dropWord(present, CapabilityWord.VMFUNC, VmxFeature.ENABLE_VM_FUNCTIONS);
        if (!present.contains(VmxFeature.ENABLE_EPT)) {
            changed |= present.removeIf(Dependencies::aboutEpt);
        }
        if (!present.contains(VmxFeature.ENABLE_VPID)) {
            changed |= present.removeIf(Dependencies::aboutVpid);
        }
        return changed;
    }

    private static boolean dropWord(Set<VmxFeature> present, CapabilityWord word, VmxFeature activator) {
        return !present.contains(activator) && present.removeIf(feature -> feature.word() == word);
    }

    private static boolean aboutEpt(VmxFeature feature) {
        return feature.word() == CapabilityWord.EPT_VPID && feature.bit() < 32;
    }

    private static boolean aboutVpid(VmxFeature feature) {
        return feature.word() == CapabilityWord.EPT_VPID && feature.bit() >= 32;
    }

    private static Need need(VmxFeature feature, VmxFeature... others) {
        return new Need(feature, List.of(others));
    }

    private static CpuNeed cpu(VmxFeature feature, Feature... any) {
        return new CpuNeed(feature, List.of(any));
    }
}
