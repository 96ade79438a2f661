package nestbox.l0;

import static nestbox.mmu.core.PolicyValue.Verdict.DEVIATES;
import static nestbox.mmu.core.PolicyValue.Verdict.RIGHT;
import static nestbox.mmu.core.PolicyValue.Verdict.SLOW;
import static nestbox.mmu.core.PolicyValue.Verdict.WRONG;

import java.util.List;
import nestbox.core.NestboxException;
import nestbox.mmu.core.PolicyPoint;
import nestbox.mmu.core.PolicyValue;

/**
 * The policy points of nesting (facts A.1, A.3, A.4, G and H), and those of the guest's hypercalls. The first value is that of the
 * preset {@code exact}, {@link #kvm} that of {@code kvm}. Where a point has two values that answer yes or no,
 * {@link NestedPolicies#applies} asks it.
 */
public enum NestedPolicy implements PolicyPoint {
    VMFAIL_PDPTR(
            "vmfail.pdptr",
            "none",
            value(
                    "snapshot",
                    RIGHT,
                    "proposal, 9 June 2026",
                    "when hardware refuses vmcs02, L1's PDPTE registers come back as they were",
                    VmfailPdptr.SNAPSHOT),
            value(
                    "memory",
                    WRONG,
                    "patch 1/3, 4 June 2026",
                    "they are loaded again from memory, which L1 may have edited since",
                    VmfailPdptr.MEMORY),
            value("none", WRONG, "Linux", "L2's stay, without EPT", VmfailPdptr.NONE)),
    VMFAIL_CR3(
            "vmfail.cr3",
            "snapshot",
            value(
                    "snapshot",
                    RIGHT,
                    "Linux, June 2026",
                    "when hardware refuses vmcs02, L1's CR3 comes back as it was",
                    VmfailCr3.SNAPSHOT),
            value(
                    "early",
                    SLOW,
                    "Linux 2b27924bb1d4, 5.1",
                    "without EPT hardware is asked before L2's state is loaded, by an entry which that state makes fail",
                    VmfailCr3.EARLY),
            value(
                    "stash",
                    WRONG,
                    "Linux f087a02941fe, 5.2 to 7.0",
                    "without EPT it is kept in vmcs01.GUEST_CR3, where it stays if L0 gives the entry up",
                    VmfailCr3.STASH),
            value(
                    "vmcs01",
                    WRONG,
                    "Linux bd18bffca353, 4.19",
                    "it is read from vmcs01.GUEST_CR3, which without EPT holds L0's own",
                    VmfailCr3.VMCS01),
            value("none", WRONG, "Linux before bd18bffca353", "L2's stays", VmfailCr3.NONE)),
    VMFAIL_UNLOAD(
            "vmfail.unload",
            "on",
            value(
                    "off",
                    RIGHT,
                    "patch 3/3, 4 June 2026",
                    "when hardware refuses vmcs02, the roots of L1 and L2 are kept",
                    Boolean.FALSE),
            value("on", SLOW, "Linux", "all roots are dropped, and L1's is built anew", Boolean.TRUE)),
    VMFAIL_MSR(
            "vmfail.msr",
            "exitList",
            value(
                    "snapshot",
                    RIGHT,
                    "SDM",
                    "when hardware refuses vmcs02, the MSRs of the entry list come back as they were",
                    VmfailMsr.SNAPSHOT),
            value(
                    "exitList",
                    WRONG,
                    "Linux",
                    "those that the exit-load list has, too, get the value that it gives them",
                    VmfailMsr.EXIT_LIST),
            value("none", WRONG, "test", "L2's stay", VmfailMsr.NONE)),
    VMCS_SHADOWING(
            "vmcs.shadowing",
            "on",
            value(
                    "on",
                    RIGHT,
                    "Linux",
                    "L1's VMREAD and VMWRITE of the fields that matter at every exit go to a shadow VMCS and cause none",
                    Boolean.TRUE),
            value("off", SLOW, "Linux, enable_shadow_vmcs=0", "each of them leaves L1", Boolean.FALSE)),
    VMWRITE_RIGHTS(
            "vmwrite.accessRights",
            "drop",
            value(
                    "keep",
                    RIGHT,
                    "SDM, silicon",
                    "VMWRITE keeps reserved bits of access rights, and VM entry refuses them",
                    Boolean.TRUE),
            value(
                    "drop",
                    DEVIATES,
                    "Linux, handle_vmwrite",
                    "it clears bits 11:8 and 31:17, as some processors do",
                    Boolean.FALSE)),
    SVM_INVALID_EXIT(
            "svm.invalidExit",
            "kvm",
            value(
                    "silicon",
                    RIGHT,
                    "silicon",
                    "a VMRUN that fails clears EXITINTINFO in vmcb12 and leaves EVENTINJ",
                    Boolean.FALSE),
            value("kvm", DEVIATES, "Linux", "it clears EVENTINJ and leaves EXITINTINFO", Boolean.TRUE)),
    SVM_INTERRUPT_SHADOW(
            "svm.interruptInShadow",
            "exit",
            value(
                    "wait",
                    RIGHT,
                    "APM",
                    "an interrupt that L1 intercepts is not recognized in an interrupt shadow of L2",
                    Boolean.TRUE),
            value("exit", DEVIATES, "Linux", "L2 leaves for it at once, and finds the shadow again", Boolean.FALSE)),
    VMX_INTERRUPT_SHADOW(
            "vmx.interruptInShadow",
            "exit",
            value(
                    "wait",
                    RIGHT,
                    "silicon",
                    "interrupts and NMIs that leave L2 wait for the end of its blocking by STI or MOV SS, which the SDM leaves open",
                    Boolean.TRUE),
            value("exit", DEVIATES, "Linux", "L2 leaves at once, and finds the blocking again", Boolean.FALSE)),
    HYPERCALL_PATCH(
            "hypercall.patch",
            "on",
            value("off", RIGHT, "SDM, APM", "the other vendor's VMCALL or VMMCALL is #UD", Boolean.FALSE),
            value(
                    "on",
                    DEVIATES,
                    "Linux",
                    "it is rewritten in the guest's memory (KVM_X86_QUIRK_FIX_HYPERCALL_INSN), and executed",
                    Boolean.TRUE)),
    VMX_CPL_CHECK(
            "vmx.cplCheck",
            "on",
            value("on", RIGHT, "Linux 727ba748e110", "VMX instructions of L1's user code are #GP(0)", Boolean.TRUE),
            value(
                    "off",
                    WRONG,
                    "CVE-2018-12904",
                    "they are carried out: hardware leaves that check to who emulates them",
                    Boolean.FALSE)),
    CHECK_IA32E(
            "check.ia32e",
            "on",
            value(
                    "on",
                    RIGHT,
                    "Linux 112e66017bff",
                    "\"IA-32e mode guest\" wants CR0.PG and CR4.PAE in vmcs12",
                    Boolean.TRUE),
            value(
                    "off",
                    WRONG,
                    "CVE-2023-30456",
                    "that is left to hardware, which without EPT sees CR4.PAE set by L0",
                    Boolean.FALSE)),
    CHECK_VPID(
            "check.vpid",
            "on",
            value("on", RIGHT, "Linux f0d736547815", "VPID 0 in vmcs12 is refused", Boolean.TRUE),
            value(
                    "off",
                    WRONG,
                    "Linux before f0d736547815",
                    "it is taken: hardware sees L0's own VPID",
                    Boolean.FALSE)),
    VMCS02_CR8(
            "vmcs02.cr8Exiting",
            "force",
            value(
                    "force",
                    RIGHT,
                    "Linux 51aa68e7d57e",
                    "without TPR shadow every access to CR8 leaves L2",
                    Boolean.TRUE),
            value(
                    "vmcs12",
                    WRONG,
                    "CVE-2017-12154",
                    "L1's controls decide alone: L2 reaches the host's TPR",
                    Boolean.FALSE)),
    VMCS02_X2APIC(
            "vmcs02.x2apicMsrs",
            "virtual",
            value(
                    "virtual",
                    RIGHT,
                    "Linux acff78477b9b, c73f4c998e1f",
                    "x2APIC MSRs pass if hardware virtualizes them",
                    Boolean.TRUE),
            value(
                    "vmcs12",
                    WRONG,
                    "CVE-2019-3887",
                    "they pass if L1's bitmap lets them: L2 reaches the host's APIC",
                    Boolean.FALSE)),
    VMCS02_APIC_ACCESS(
            "vmcs02.apicAccessUnbacked",
            "fail",
            value(
                    "fail",
                    RIGHT,
                    "Linux 671ddc700fd0",
                    "an APIC-access page without memory gives the entry up",
                    Boolean.TRUE),
            value(
                    "clear",
                    WRONG,
                    "Linux before 671ddc700fd0",
                    "the control is cleared: L2 sees what lies there in L1",
                    Boolean.FALSE)),
    VMCS02_CR3(
            "vmcs02.guestCr3",
            "entry",
            value(
                    "entry",
                    RIGHT,
                    "Linux 04f11ef45810",
                    "vmcs02.GUEST_CR3 is written at the nested entry",
                    Boolean.TRUE),
            value(
                    "run",
                    WRONG,
                    "Linux before 04f11ef45810",
                    "only when L2 runs: an exit before that saves an old one",
                    Boolean.FALSE)),
    VPID_FLUSH(
            "vpid.flushTarget",
            "running",
            value("running", RIGHT, "Linux 2b4a5a5d5688", "a guest's flush is one of the VPID that runs", Boolean.TRUE),
            value("vpid01", WRONG, "Linux before 2b4a5a5d5688", "it is one of L1's, L2's too", Boolean.FALSE)),
    VPID_NEW(
            "vpid.newVpid12",
            "last",
            value(
                    "flush",
                    RIGHT,
                    "SDM",
                    "another VPID in vmcs12 flushes vpid02, which stands for all of them; so does one behind an L2 without",
                    NewVpid12.FLUSH),
            value(
                    "last",
                    WRONG,
                    "Linux 712494de96f3",
                    "an L2 without VPID does not count: one with the VPID before it finds its shadow pages",
                    NewVpid12.LAST),
            value(
                    "ignore",
                    WRONG,
                    "Linux before 712494de96f3",
                    "L2 finds translations of another VPID",
                    NewVpid12.IGNORE)),
    TRANSITION_SERVE(
            "transition.serviceLocalFirst",
            "on",
            value(
                    "on",
                    RIGHT,
                    "Linux 40e5f9080472",
                    "local flushes are carried out before L1 and L2 change places",
                    Boolean.TRUE),
            value("off", WRONG, "Linux before 40e5f9080472", "they reach the VPID of the wrong one", Boolean.FALSE)),
    VMFUNC_AD(
            "vmfunc.accessedDirty",
            "eptp",
            value(
                    "eptp",
                    RIGHT,
                    "Linux 272b0a998d08",
                    "EPTP switching takes accessed and dirty flags as the new EPTP has them",
                    Boolean.TRUE),
            value("kept", WRONG, "Linux before 272b0a998d08", "as the old one had them", Boolean.FALSE)),
    EVENTS_MTF(
            "events.mtfOnEmulation",
            "on",
            value(
                    "on",
                    RIGHT,
                    "Linux 5ef8acbdd687",
                    "an instruction of L2 that L0 emulates ends in the MTF exit that L1 asked for",
                    Boolean.TRUE),
            value("off", WRONG, "Linux before 5ef8acbdd687", "the exit comes behind the next one", Boolean.FALSE)),
    EMULATION_INTERCEPTS(
            "exits.emulationInterceptChecks",
            "on",
            value(
                    "on",
                    RIGHT,
                    "Linux 07721feee46b",
                    "what the emulator finds at L2's RIP is L1's exit if L1 intercepts it",
                    Boolean.TRUE),
            value("off", WRONG, "CVE-2020-2732", "it is carried out", Boolean.FALSE)),
    SVM_VMLOAD(
            "svm.vmloadIntercept",
            "force",
            value("force", RIGHT, "Linux c7dfa4009965", "VMLOAD and VMSAVE of L2 always leave it", Boolean.TRUE),
            value(
                    "vmcb12",
                    WRONG,
                    "CVE-2021-3656",
                    "L1's intercepts decide alone: L2 reads and writes the host's memory",
                    Boolean.FALSE)),
    SVM_VMCB12_READS(
            "svm.vmcb12Reads",
            "once",
            value("once", RIGHT, "Linux a58d9166a756", "checks and merge work on one copy of vmcb12", Boolean.TRUE),
            value(
                    "twice",
                    WRONG,
                    "CVE-2021-29657",
                    "the merge reads it again: another processor may have changed it",
                    Boolean.FALSE)),
    SVM_NPF_STAGE(
            "svm.npfStage",
            "walk",
            value(
                    "walk",
                    RIGHT,
                    "Linux, May 2026",
                    "a nested page fault says whether a table or the final address missed",
                    Boolean.TRUE),
            value("final", WRONG, "Linux before", "always the final one", Boolean.FALSE)),
    LEAVE_ON_RESET(
            "leave.onReset",
            "leave",
            value("leave", RIGHT, "Linux ed129ec9057f", "a reset of the vCPU leaves L2 first", Boolean.TRUE),
            value("keep", WRONG, "CVE-2022-3344", "the vCPU stays in guest mode", Boolean.FALSE)),
    POSTED_DESCRIPTOR(
            "posted.unbackedDescriptor",
            "fail",
            value(
                    "fail",
                    RIGHT,
                    "Linux",
                    "a posted-interrupt descriptor without memory gives the run up",
                    Boolean.TRUE),
            value("stale", WRONG, "CVE-2018-16882", "the descriptor of an earlier entry is used", Boolean.FALSE)),
    INVPCID_UNPAGED(
            "shadow.invpcidUnpaged",
            "skip",
            value(
                    "skip",
                    RIGHT,
                    "Linux 9f46c187e2e6",
                    "INVPCID of an address with CR0.PG=0 finds no shadow tables and does nothing",
                    Boolean.TRUE),
            value("call", WRONG, "CVE-2022-1789", "it calls a hook that the MMU without paging lacks", Boolean.FALSE)),
    VMX_OPERAND_IN_DEVICE(
            "vmx.operandInDevice",
            "fail",
            value(
                    "read",
                    RIGHT,
                    "SDM",
                    "a VMX instruction reads its memory operand from a device",
                    OperandInDevice.READ),
            value("fail", DEVIATES, "Linux 7a35e515a705, 5.9", "L0 gives the run up", OperandInDevice.FAIL),
            value(
                    "zeroed",
                    WRONG,
                    "Linux 353c0956a618, 5.0 to 5.8",
                    "it is a page fault, with error code and address 0",
                    OperandInDevice.ZEROED),
            value(
                    "leak",
                    WRONG,
                    "CVE-2019-7222",
                    "it is a page fault with what stands on the host's stack",
                    OperandInDevice.LEAK)),
    SVM_HOST_PDPTES(
            "svm.hostPdptes",
            "memory",
            value("memory", RIGHT, "APM, Linux", "#VMEXIT loads L1's PDPTEs from memory at its CR3", Boolean.TRUE),
            value("kept", WRONG, "test", "those of L2 stay", Boolean.FALSE));

    /** Where L1's PDPTE registers come from when hardware refuses vmcs02. */
    public enum VmfailPdptr {
        SNAPSHOT,
        MEMORY,
        NONE
    }

    /** Where L1's CR3 comes from then. */
    public enum VmfailCr3 {
        SNAPSHOT,
        EARLY,
        STASH,
        VMCS01,
        NONE
    }

    /** When vmcs12 has another VPID than before. */
    public enum NewVpid12 {
        FLUSH,
        LAST,
        IGNORE
    }

    /** What a VMX instruction of L1 makes of an operand in a device. */
    public enum OperandInDevice {
        READ,
        FAIL,
        ZEROED,
        LEAK
    }

    /** Where the MSRs that the entry list loaded come from then. */
    public enum VmfailMsr {
        SNAPSHOT,
        EXIT_LIST,
        NONE
    }

    private final String text;
    private final String kvm;
    private final List<PolicyValue> values;

    NestedPolicy(String text, String kvm, PolicyValue... values) {
        this.text = text;
        this.kvm = kvm;
        this.values = List.of(values);
    }

    private static PolicyValue value(
            String name, PolicyValue.Verdict verdict, String origin, String explanation, Object rule) {
        return new PolicyValue(name, verdict, origin, explanation, rule);
    }

    @Override
    public String text() {
        return text;
    }

    @Override
    public List<PolicyValue> choices() {
        return values;
    }

    @Override
    public PolicyValue kvm() {
        return value(kvm);
    }

    static boolean isOne(String name) {
        return find(name) != null;
    }

    /** @throws NestboxException if there is none of this name */
    public static NestedPolicy named(String name) {
        NestedPolicy found = find(name);
        if (found == null) {
            throw new NestboxException("policy", "'" + name + "' is no policy of nesting");
        }
        return found;
    }

    private static NestedPolicy find(String name) {
        for (NestedPolicy policy : values()) {
            if (policy.text.equals(name)) {
                return policy;
            }
        }
        return null;
    }
}
