package nestbox.vmx.l0;

import nestbox.l0.StateGroup;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.InterruptionType;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.system.ControlRegisters;

/** Moves L2's registers between vmcs12's guest-state area and the guest's processor (facts D.2, D.6). */
final class L2State {
    private static final long CR0_KEPT = Cpu.CR0_ET | Cpu.CR0_CD | Cpu.CR0_NW;
    private static final long CR0_LOADED = 0x8005003fL & ~CR0_KEPT;
    private static final long DR7_FIXED = 0x400;
    private static final long DR7_CLEAR = 0xd000;
    private static final long STI = 1;
    private static final long MOV_SS = 2;
    private static final long NMI = 8;
    private static final long HITS = 15;
    private static final long HITS_AND_STEP = 0x400f;
    private static final long ENABLED = 1 << 12;
    private static final long ENABLED_OR_STEP = 0x5000;

    private final NestedVmx vmx;
    private final Cpu cpu;

    L2State(NestedVmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    /** False if PDPTEs in memory are illegal. */
    boolean load() {
        Vmcs s = vmx.vmcs12;
        Controls12 c = vmx.controls;
        cpu.cr0 = s.get(VmcsField.GUEST_CR0) & CR0_LOADED | cpu.cr0 & CR0_KEPT | Cpu.CR0_ET;
        cpu.cr3 = s.get(VmcsField.GUEST_CR3);
        cpu.cr4 = s.get(VmcsField.GUEST_CR4);
        if (c.entry(VmxFeature.LOAD_DEBUG_CONTROLS)) {
            cpu.dr[7] = s.get(VmcsField.GUEST_DR7) & ~DR7_CLEAR | DR7_FIXED;
            cpu.debugCtl = s.get(VmcsField.GUEST_IA32_DEBUGCTL);
        }
        cpu.sysenterCs = s.get(VmcsField.GUEST_SYSENTER_CS);
        cpu.sysenterEsp = s.get(VmcsField.GUEST_SYSENTER_ESP);
        cpu.sysenterEip = s.get(VmcsField.GUEST_SYSENTER_EIP);
        loadEfer(s, c);
        if (c.entry(VmxFeature.ENTRY_LOAD_PAT)) {
            cpu.pat = s.get(VmcsField.GUEST_IA32_PAT);
        }
        loadSegment(s, Reg.CS);
        loadSegment(s, Reg.SS);
        cpu.cpl = cpu.rights[Reg.SS] >> 5 & 3;
        if (!vmx.rare.inHardware()) {
            loadRare(s);
        }
        cpu.rip = s.get(VmcsField.GUEST_RIP);
        cpu.r[Reg.RSP] = s.get(VmcsField.GUEST_RSP);
        loadNonRegister(s);
        cpu.setRflags(s.get(VmcsField.GUEST_RFLAGS));
        cpu.updateMode();
        cpu.mem.port().contextChanged();
        return loadPdptes();
    }

    private void loadSegment(Vmcs s, int i) {
        cpu.selector[i] = (int) s.get(VmxGuestState.SELECTOR[i]);
        cpu.base[i] = s.get(VmxGuestState.BASE[i]);
        cpu.limit[i] = s.get(VmxGuestState.LIMIT[i]);
        cpu.rights[i] = (int) s.get(VmxGuestState.RIGHTS[i]);
    }

    private void saveSegment(Vmcs s, int i) {
        s.set(VmxGuestState.SELECTOR[i], cpu.selector[i]);
        s.set(VmxGuestState.BASE[i], cpu.base[i]);
        s.set(VmxGuestState.LIMIT[i], cpu.limit[i]);
        s.set(VmxGuestState.RIGHTS[i], cpu.rights[i]);
    }

    private void saveRare(Vmcs s) {
        for (int i : VmxGuestState.OTHERS) {
            saveSegment(s, i);
        }
        s.set(VmcsField.GUEST_GDTR_BASE, cpu.gdtBase);
        s.set(VmcsField.GUEST_GDTR_LIMIT, cpu.gdtLimit);
        s.set(VmcsField.GUEST_IDTR_BASE, cpu.idtBase);
        s.set(VmcsField.GUEST_IDTR_LIMIT, cpu.idtLimit);
    }

    private void loadRare(Vmcs s) {
        for (int i : VmxGuestState.OTHERS) {
            loadSegment(s, i);
        }
        cpu.gdtBase = s.get(VmcsField.GUEST_GDTR_BASE);
        cpu.gdtLimit = (int) s.get(VmcsField.GUEST_GDTR_LIMIT);
        cpu.idtBase = s.get(VmcsField.GUEST_IDTR_BASE);
        cpu.idtLimit = (int) s.get(VmcsField.GUEST_IDTR_LIMIT);
    }

    private void loadEfer(Vmcs s, Controls12 c) {
        if (c.entry(VmxFeature.ENTRY_LOAD_EFER)) {
            cpu.efer = s.get(VmcsField.GUEST_IA32_EFER);
            return;
        }
        long both = Cpu.EFER_LMA | Cpu.EFER_LME;
        boolean wide = c.entry(VmxFeature.IA32E_MODE_GUEST);
        if ((cpu.cr0 & Cpu.CR0_PG) != 0) {
            cpu.efer = cpu.efer & ~both | (wide ? both : 0);
        } else {
            cpu.efer &= ~Cpu.EFER_LMA;
        }
    }

    private void loadNonRegister(Vmcs s) {
        long blocked = s.get(VmcsField.GUEST_INTERRUPTIBILITY_INFO);
        cpu.shadow =
                (blocked & MOV_SS) != 0 ? Cpu.SHADOW_MOV_SS : (blocked & STI) != 0 ? Cpu.SHADOW_STI : Cpu.SHADOW_NONE;
        cpu.unpend(Cpu.PENDING_SHADOW | Cpu.PENDING_DEBUG_TRAP | Cpu.PENDING_INACTIVE);
        if (cpu.shadow != Cpu.SHADOW_NONE) {
            cpu.pend(Cpu.PENDING_SHADOW);
        }
        cpu.nmiBlocked = (blocked & NMI) != 0;
        cpu.activity = (int) s.get(VmcsField.GUEST_ACTIVITY_STATE);
        // SDM Vol. 3, "Delivery of Pending Debug Exceptions after VM Entry".
        long debug = s.get(VmcsField.GUEST_PENDING_DBG_EXCEPTIONS);
        boolean injects = InterruptionType.valid(s.get(VmcsField.VM_ENTRY_INTR_INFO));
        boolean delivers = (debug & ENABLED_OR_STEP) != 0 && cpu.activity < Cpu.SHUTDOWN && !injects;
        cpu.pendingDebug = delivers ? debug & HITS_AND_STEP : 0;
        if (cpu.pendingDebug != 0) {
            cpu.pend(Cpu.PENDING_DEBUG_TRAP);
        }
        if (cpu.activity != Cpu.ACTIVE) {
            cpu.pend(Cpu.PENDING_INACTIVE);
        }
    }

    /** With EPT12 the registers come from vmcs12, and memory is not read. */
    boolean loadPdptes() {
        if (!ControlRegisters.paePaging(cpu)) {
            return true;
        }
        if (!vmx.controls.ept()) {
            return cpu.mem.port().control().loadPdptes(cpu.cr3);
        }
        for (int i = 0; i < 4; i++) {
            cpu.pdpte[i] = vmx.vmcs12.get(VmxGuestState.PDPTE[i]);
        }
        return true;
    }

    /** Saves into vmcs12 what L0 has; the {@link RareFields} that it has not fetched stay where they are. */
    void save() {
        boolean fetched = vmx.vcpu.has(StateGroup.SEGMENTS);
        save(vmx.vmcs12, fetched);
        if (fetched) {
            vmx.rare.forget();
        } else {
            vmx.rare.left();
        }
    }

    void saveTo(Vmcs s) {
        save(s, true);
    }

    private void save(Vmcs s, boolean rareToo) {
        Controls12 c = vmx.controls;
        s.set(VmcsField.GUEST_CR0, cpu.cr0);
        s.set(VmcsField.GUEST_CR3, cpu.cr3);
        s.set(VmcsField.GUEST_CR4, cpu.cr4);
        if (c.exit(VmxFeature.SAVE_DEBUG_CONTROLS)) {
            s.set(VmcsField.GUEST_DR7, cpu.dr[7]);
            s.set(VmcsField.GUEST_IA32_DEBUGCTL, cpu.debugCtl);
        }
        s.set(VmcsField.GUEST_SYSENTER_CS, cpu.sysenterCs);
        s.set(VmcsField.GUEST_SYSENTER_ESP, cpu.sysenterEsp);
        s.set(VmcsField.GUEST_SYSENTER_EIP, cpu.sysenterEip);
        if (c.exit(VmxFeature.EXIT_SAVE_PAT)) {
            s.set(VmcsField.GUEST_IA32_PAT, cpu.pat);
        }
        if (c.exit(VmxFeature.EXIT_SAVE_EFER)) {
            s.set(VmcsField.GUEST_IA32_EFER, cpu.efer);
        }
        if (vmx.has(VmxFeature.STORE_LMA)) {
            long wide = VmxFeature.IA32E_MODE_GUEST.mask();
            s.set(VmcsField.VM_ENTRY_CONTROLS, c.entry & ~wide | (cpu.longMode() ? wide : 0));
        }
        saveSegment(s, Reg.CS);
        saveSegment(s, Reg.SS);
        if (rareToo) {
            saveRare(s);
        }
        s.set(VmcsField.GUEST_RIP, cpu.rip);
        s.set(VmcsField.GUEST_RSP, cpu.r[Reg.RSP]);
        s.set(VmcsField.GUEST_RFLAGS, cpu.rflags());
        long blocked = cpu.nmiBlocked ? NMI : 0;
        if ((cpu.pending & Cpu.PENDING_SHADOW) != 0) {
            blocked |= cpu.shadow == Cpu.SHADOW_MOV_SS ? MOV_SS : STI;
        }
        s.set(VmcsField.GUEST_INTERRUPTIBILITY_INFO, blocked);
        s.set(VmcsField.GUEST_ACTIVITY_STATE, cpu.activity);
        long debug = cpu.pendingDebug & HITS_AND_STEP;
        s.set(VmcsField.GUEST_PENDING_DBG_EXCEPTIONS, debug | ((debug & HITS) != 0 ? ENABLED : 0));
        vmx.timer.save();
        if (c.ept() && ControlRegisters.paePaging(cpu)) {
            for (int i = 0; i < 4; i++) {
                s.set(VmxGuestState.PDPTE[i], cpu.pdpte[i]);
            }
        }
    }
}
