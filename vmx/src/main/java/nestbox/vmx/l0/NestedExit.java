package nestbox.vmx.l0;

import java.util.Arrays;
import nestbox.l0.Event;
import nestbox.l0.StateGroup;
import nestbox.mmu.core.NestedFault;
import nestbox.mmu.paging.Access;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.InterruptionType;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.insn.Insn;
import nestbox.x86.system.ControlRegisters;

/** Exits from L2 to L1: vmcs12's exit fields, L2's state, MSR lists, L1's host state (facts D.6). */
final class NestedExit {
    private static final int CODE = 0x9b | Cpu.RIGHTS_G;
    private static final int DATA = 0x93 | Cpu.RIGHTS_DB | Cpu.RIGHTS_G;
    private static final int TSS = 0x8b;
    private static final long CR0_KEPT = Cpu.CR0_ET | Cpu.CR0_CD | Cpu.CR0_NW;
    private static final long CR0_LOADED = 0x8005003fL & ~CR0_KEPT;
    private static final long LINEAR_VALID = 1 << 7;
    private static final long TRANSLATED = 1 << 8;
    private static final long NMI_UNBLOCKED = 1 << 12;

    private static final VmcsField[] HOST_SELECTORS = {
        VmcsField.HOST_ES_SELECTOR,
        VmcsField.HOST_CS_SELECTOR,
        VmcsField.HOST_SS_SELECTOR,
        VmcsField.HOST_DS_SELECTOR,
        VmcsField.HOST_FS_SELECTOR,
        VmcsField.HOST_GS_SELECTOR
    };
    private static final VmcsField[] COPIED = {
        VmcsField.EXIT_QUALIFICATION,
        VmcsField.VM_EXIT_INTR_INFO,
        VmcsField.VM_EXIT_INSTRUCTION_LEN,
        VmcsField.VMX_INSTRUCTION_INFO,
        VmcsField.GUEST_LINEAR_ADDRESS
    };

    private final NestedVmx vmx;
    private final Cpu cpu;
    private final L2State state;
    private final NestedMsrLists lists;

    NestedExit(NestedVmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
        state = new L2State(vmx);
        lists = new NestedMsrLists(cpu);
    }

    /** The exit that hardware reported, as it reported it. */
    void hardware(ExitReason reason) {
        Vmcs s = vmx.vmcs12;
        for (VmcsField field : COPIED) {
            s.set(field, vmx.backend.door().read(field));
        }
        if ((s.get(VmcsField.VM_EXIT_INTR_INFO) & InterruptionType.ERROR_CODE) != 0) {
            // Else vmcs02's is of some exit of L0's own.
            s.set(VmcsField.VM_EXIT_INTR_ERROR_CODE, vmx.backend.door().read(VmcsField.VM_EXIT_INTR_ERROR_CODE));
        }
        leave(reason.number(), s.get(VmcsField.EXIT_QUALIFICATION), s.get(VmcsField.VM_EXIT_INTR_INFO));
    }

    void event(ExitReason reason, long qualification) {
        interruption(reason, qualification, 0, 0);
    }

    void interruption(ExitReason reason, long qualification, long information, long errorCode) {
        Vmcs s = vmx.vmcs12;
        s.set(VmcsField.EXIT_QUALIFICATION, qualification);
        s.set(VmcsField.VM_EXIT_INTR_INFO, information);
        s.set(VmcsField.VM_EXIT_INTR_ERROR_CODE, errorCode);
        leave(reason.number(), qualification, information);
    }

    /** An instruction that L0 emulates for L2 is intercepted; RIP is behind it. */
    void instruction(Insn in, ExitReason reason, long qualification) {
        cpu.rip = cpu.wrapRip(cpu.rip - in.length);
        vmx.vmcs12.set(VmcsField.VM_EXIT_INSTRUCTION_LEN, in.length);
        event(reason, qualification);
    }

    /** EPT12 refused; the qualification is the walk's, but for what only hardware knows. */
    void ept(NestedFault fault) {
        Vmcs s = vmx.vmcs12;
        s.set(VmcsField.GUEST_PHYSICAL_ADDRESS, fault.address().value());
        if (!fault.byHardware() && !vmx.vcpu.eventAgain().active) {
            // The instruction starts again (SDM Vol. 3, "Saving RIP, RSP, RFLAGS, and SSP").
            cpu.systemFlags |= Flags.RF;
        }
        if (fault.kind() == NestedFault.Kind.EPT_MISCONFIG) {
            event(ExitReason.EPT_MISCONFIG, 0);
            return;
        }
        if (fault.kind() == NestedFault.Kind.PML_FULL) {
            long told = fault.byHardware() ? vmx.backend.door().read(VmcsField.EXIT_QUALIFICATION) : 0;
            event(ExitReason.PML_FULL, told & NMI_UNBLOCKED);
            return;
        }
        long qualification =
                fault.access() & (Access.READ | Access.WRITE | Access.EXECUTE) | (long) fault.rights() << 3;
        if (fault.byHardware()) {
            qualification |=
                    vmx.backend.door().read(VmcsField.EXIT_QUALIFICATION) & (LINEAR_VALID | TRANSLATED | NMI_UNBLOCKED);
            s.set(VmcsField.GUEST_LINEAR_ADDRESS, vmx.backend.door().read(VmcsField.GUEST_LINEAR_ADDRESS));
        } else {
            qualification |= LINEAR_VALID | (fault.ofTable() ? 0 : TRANSLATED);
        }
        vmx.vcpu.judging().violated(vmx.controls.eptp, fault.address().value());
        event(ExitReason.EPT_VIOLATION, qualification);
    }

    private void leave(int reason, long qualification, long information) {
        Vmcs s = vmx.vmcs12;
        vmx.vcpu.take(StateGroup.SWITCHED & ~StateGroup.SEGMENTS);
        vmx.vcpu.serveLocalFlushes();
        s.set(VmcsField.VM_EXIT_REASON, reason);
        vectoring(s);
        vmx.vcpu.hypervisor().counters().nestedExits++;
        L0VmxTrace.exited(vmx, reason, qualification, information, s.get(VmcsField.VM_EXIT_INTR_ERROR_CODE));
        state.save();
        vmx.apic.save();
        s.setLaunchState(Vmcs.LAUNCHED);
        s.set(VmcsField.VM_ENTRY_INTR_INFO, s.get(VmcsField.VM_ENTRY_INTR_INFO) & ~InterruptionType.VALID);
        vmx.vcpu.forgetEvents();
        vmx.forgetL2();
        vmx.guest = false;
        vmx.stage().leave();
        vmx.backend.leaveVmcs02();
        if (!lists.store(s)) {
            abort(1);
            return;
        }
        if (vmx.controls.pin(VmxFeature.VIRTUAL_NMIS)) {
            // L2's were virtual; its entry had unblocked the processor's own.
            cpu.nmiBlocked = false;
        }
        toHost();
    }

    private void vectoring(Vmcs s) {
        Event event = vmx.vcpu.eventAgain();
        long word = 0;
        if (event.active) {
            word = event.vector | (long) event.type << 8 | InterruptionType.VALID;
            if (event.hasErrorCode) {
                word |= InterruptionType.ERROR_CODE;
                s.set(VmcsField.IDT_VECTORING_ERROR_CODE, event.errorCode);
            }
            if (event.isSoft()) {
                s.set(VmcsField.VM_EXIT_INSTRUCTION_LEN, event.length);
            }
        }
        s.set(VmcsField.IDT_VECTORING_INFO_FIELD, word);
    }

    /** An entry that failed behind its controls: exit 33 or 34; nothing of L2 is saved. */
    void failedEntry(int reason, long qualification) {
        Vmcs s = vmx.vmcs12;
        s.set(VmcsField.VM_EXIT_REASON, reason | ExitReason.ENTRY_FAILURE);
        s.set(VmcsField.EXIT_QUALIFICATION, qualification);
        L0VmxTrace.exited(vmx, reason | ExitReason.ENTRY_FAILURE, qualification, 0, 0);
        toHost();
    }

    /** load_vmcs12_host_state. */
    private void toHost() {
        Vmcs s = vmx.vmcs12;
        Controls12 c = vmx.controls;
        boolean wide = c.exit(VmxFeature.HOST_ADDRESS_SPACE_SIZE);
        cpu.cr0 = s.get(VmcsField.HOST_CR0) & CR0_LOADED | cpu.cr0 & CR0_KEPT | Cpu.CR0_ET;
        cpu.cr3 = s.get(VmcsField.HOST_CR3);
        cpu.cr4 = s.get(VmcsField.HOST_CR4);
        cpu.cr4 = wide ? cpu.cr4 | Cpu.CR4_PAE : cpu.cr4 & ~Cpu.CR4_PCIDE;
        cpu.dr[7] = 0x400;
        cpu.debugCtl = 0;
        cpu.sysenterCs = s.get(VmcsField.HOST_IA32_SYSENTER_CS);
        cpu.sysenterEsp = s.get(VmcsField.HOST_IA32_SYSENTER_ESP);
        cpu.sysenterEip = s.get(VmcsField.HOST_IA32_SYSENTER_EIP);
        if (c.exit(VmxFeature.EXIT_LOAD_EFER)) {
            cpu.efer = s.get(VmcsField.HOST_IA32_EFER);
        } else {
            long both = Cpu.EFER_LMA | Cpu.EFER_LME;
            cpu.efer = cpu.efer & ~both | (wide ? both : 0);
        }
        if (c.exit(VmxFeature.EXIT_LOAD_PAT)) {
            cpu.pat = s.get(VmcsField.HOST_IA32_PAT);
        }
        segments(s, wide);
        cpu.gdtBase = s.get(VmcsField.HOST_GDTR_BASE);
        cpu.gdtLimit = 0xffff;
        cpu.idtBase = s.get(VmcsField.HOST_IDTR_BASE);
        cpu.idtLimit = 0xffff;
        cpu.cpl = 0;
        cpu.rip = s.get(VmcsField.HOST_RIP);
        cpu.r[Reg.RSP] = s.get(VmcsField.HOST_RSP);
        cpu.shadow = Cpu.SHADOW_NONE;
        cpu.pendingDebug = 0;
        cpu.unpend(Cpu.PENDING_SHADOW | Cpu.PENDING_DEBUG_TRAP | Cpu.PENDING_INACTIVE);
        cpu.activity = Cpu.ACTIVE;
        cpu.setRflags(Flags.FIXED);
        vmx.entry.finishSwitch();
        long[] pdptes = cpu.pdpte.clone();
        if (ControlRegisters.paePaging(cpu) && !cpu.mem.port().control().loadPdptes(cpu.cr3)) {
            abort(2);
            return;
        }
        vmx.vcpu.mmu().pdptesLoaded(!Arrays.equals(pdptes, cpu.pdpte));
        vmx.vcpu.mmu().nestedExited();
        vmx.entry.transitionFlush(false);
        if (lists.load(s, VmcsField.VM_EXIT_MSR_LOAD_ADDR, VmcsField.VM_EXIT_MSR_LOAD_COUNT) != 0) {
            abort(4);
        }
    }

    private void segments(Vmcs s, boolean wide) {
        for (int i = 0; i < HOST_SELECTORS.length; i++) {
            int selector = (int) s.get(HOST_SELECTORS[i]);
            cpu.selector[i] = selector;
            cpu.base[i] = 0;
            cpu.limit[i] = 0xffffffffL;
            cpu.rights[i] = selector == 0 ? Cpu.RIGHTS_UNUSABLE : DATA;
        }
        cpu.rights[Reg.CS] = CODE | (wide ? Cpu.RIGHTS_L : Cpu.RIGHTS_DB);
        cpu.base[Reg.FS] = s.get(VmcsField.HOST_FS_BASE);
        cpu.base[Reg.GS] = s.get(VmcsField.HOST_GS_BASE);
        cpu.selector[Reg.TR] = (int) s.get(VmcsField.HOST_TR_SELECTOR);
        cpu.base[Reg.TR] = s.get(VmcsField.HOST_TR_BASE);
        cpu.limit[Reg.TR] = 0x67;
        cpu.rights[Reg.TR] = TSS;
        cpu.selector[Reg.LDTR] = 0;
        cpu.rights[Reg.LDTR] = Cpu.RIGHTS_UNUSABLE;
    }

    /** SDM Vol. 3, "VMX Aborts": L1 shuts down. */
    void abort(int indicator) {
        vmx.vcpu.worldChanged();
        cpu.physical.write(vmx.vmcs12.address() + 4, 4, indicator);
        cpu.activity = Cpu.SHUTDOWN;
        cpu.pend(Cpu.PENDING_INACTIVE);
        cpu.platform.shutdown(cpu);
    }
}
