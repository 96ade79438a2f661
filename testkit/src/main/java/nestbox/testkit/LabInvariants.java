package nestbox.testkit;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import nestbox.l0.Hypervisor;
import nestbox.l0.ledger.CheckReport;
import nestbox.mmu.core.MmuInvariants;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.vmx.l0.NestedVmxInvariants;
import nestbox.vmx.vmcs.CurrentVmcs;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;

/**
 * What must hold at the end of every run, whatever the guest did: no use of a translation that no legal cache explains (where uses
 * are judged, {@link NestedLab#checkTlb}; L2's under L0), no undischarged invalidation, shadow pages and their reverse map that agree with each other
 * and with guest memory's slots, no shadow page that can never go, a current vmcs12 that VMPTRLD and L0's own exits can have left, and
 * vmcb12s whose exit code is one of the manual's.
 *
 * <p>And under L0 at each exit from L2 to L1, before L1 has run an instruction:
 *
 * <ul>
 *   <li>VMX: each field of vmcs02 whose value L0 remembers has it in hardware's structure;
 *   <li>VMX: if the exit was hardware's own (L0 has emulated and injected nothing in between), vmcs12 has hardware's RIP, RSP, RFLAGS,
 *       GDTR, IDTR, SYSENTER registers, activity state and exit reason; interruption information (but for external interrupts, which are
 *       L1's own); the exit qualification (but for EPT violations and misconfigurations, where it is EPT12's); selectors, bases and limits in protected mode; CR3 where L0 uses EPT;
 *       DR7 where it is saved;
 *   <li>SVM: in that case vmcb12 in L1's memory has hardware's exit code, RIP, RSP, RAX, RFLAGS, CPL, CR2, DR6, DR7, bases and limits of
 *       the segments that #VMEXIT saves; exit information and next RIP (but for nested page faults); CR3 where L0 uses nested paging.
 * </ul>
 *
 * Not compared: CR0 and CR4, of which L0 owns bits; rights of segments; what L2 has changed by instructions that L0 emulated. At the end
 * of a run, while L1 runs, what it reads from a shadow VMCS and cannot have written is vmcs12's.
 */
public final class LabInvariants {
    private static final int EXIT_FLAGS = 0xffff;

    private LabInvariants() {}

    /** What does not hold, a line each. The run's machine must not run on afterwards. */
    public static List<String> broken(LabRun run) {
        List<String> wrong = new ArrayList<>();
        if (run.staleUses() != null && !run.staleUseExpected()) {
            run.staleUses().stream()
                    .filter(use -> use.verdict() == CheckReport.Verdict.FAULT)
                    .forEach(use -> wrong.add(use.toString()));
        }
        for (int i = 0; i < run.machine().cpus(); i++) {
            Cpu cpu = run.machine().cpu(i);
            if (cpu.extension instanceof CurrentVmcs vmx) {
                vmcs(cpu, vmx, wrong);
                wrong.addAll(NestedVmxInvariants.broken(cpu.extension, false));
            }
        }
        vmcbs(run, wrong);
        wrong.addAll(run.exits().wrong());
        Optional<Hypervisor> hypervisor = run.lab().hypervisor();
        if (hypervisor.isPresent()) {
            wrong.addAll(MmuInvariants.broken(hypervisor.get().mmu()));
            wrong.addAll(MmuInvariants.leaked(hypervisor.get().mmu()));
        }
        return wrong;
    }

    private static void vmcs(Cpu cpu, CurrentVmcs vmx, List<String> wrong) {
        Vmcs current = vmx.currentVmcs();
        String name = "vmcs12 of processor " + cpu.id;
        if (current == null) {
            if (vmx.nonRoot()) {
                wrong.add(name + ": L2 runs without one");
            }
            return;
        }
        long address = current.address();
        if (vmx.vmxonPointer() == -1) {
            wrong.add(name + ": is current outside VMX operation");
        }
        if (address == vmx.vmxonPointer()) {
            wrong.add(name + ": is the VMXON region");
        }
        if ((address & 0xfff) != 0 || address >>> cpu.features.physicalBits() != 0) {
            wrong.add(name + ": lies at " + Long.toHexString(address));
        }
        if (vmx.nonRoot() && current.launchState() != Vmcs.LAUNCHED) {
            wrong.add(name + ": L2 runs, and it is not launched");
        }
        int reason = (int) current.get(VmcsField.VM_EXIT_REASON) & EXIT_FLAGS;
        if (current.launchState() == Vmcs.LAUNCHED && ExitReason.byNumber(reason) == null) {
            wrong.add(name + ": has exit reason " + reason);
        }
        Vmcs again = new Vmcs(address, new long[VmcsField.count()]);
        current.writeBack(cpu.physical);
        again.load(cpu.physical);
        for (VmcsField field : VmcsField.values()) {
            if (again.get(field) != current.get(field)) {
                wrong.add(name + ": " + field + " does not survive VMCLEAR and VMPTRLD");
            }
        }
    }

    /** VMCBs that L1 has run, by the events. */
    private static void vmcbs(LabRun run, List<String> wrong) {
        if (run.intel()) {
            return;
        }
        run.events().stream()
                .filter(event -> event.name().equals("vmrun") || event.name().equals("kvm_nested_vmenter"))
                .mapToLong(event -> event.field("vmcb"))
                .distinct()
                .forEach(address -> {
                    long at = address + VmcbField.EXITCODE.offset();
                    long code = run.machine().memory().read(at, VmcbField.EXITCODE.bytes());
                    if (ExitCode.of(code) == null) {
                        wrong.add(
                                "vmcb12 at " + Long.toHexString(address) + " has exit code " + Long.toHexString(code));
                    }
                });
    }
}
