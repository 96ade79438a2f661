package nestbox.vmx.silicon;

import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.system.ControlRegisters;

/** Loads and saves the guest-state area (SDM Vol. 3, "Loading Guest State", "Saving Guest State"). */
final class GuestState {
    static final long CR0_KEPT = Cpu.CR0_ET | Cpu.CR0_CD | Cpu.CR0_NW;
    private static final long CR0_LOADED = 0x8005003fL & ~CR0_KEPT;
    static final long DR7_FIXED = 0x400;
    private static final long DR7_CLEAR = 0xd000;
    private static final int RIGHTS = 0x1f0ff;

    private static final long STI = 1;
    private static final long MOV_SS = 2;
    private static final long NMI = 8;

    private static final long HITS = 15;
    private static final long ENABLED_BREAKPOINT = 1 << 12;
    private static final long SINGLE_STEP = 1 << 14;

    private final Vmx vmx;
    private final Cpu cpu;

    GuestState(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    void load() {
        Vmcs s = vmx.vmcs;
        Controls controls = vmx.controls;
        cpu.cr0 = s.get(VmcsField.GUEST_CR0) & CR0_LOADED | cpu.cr0 & CR0_KEPT | Cpu.CR0_ET;
        cpu.cr3 = s.get(VmcsField.GUEST_CR3);
        cpu.cr4 = s.get(VmcsField.GUEST_CR4);
        if (controls.entry(Controls.LOAD_DEBUG)) {
            cpu.dr[7] = s.get(VmcsField.GUEST_DR7) & ~DR7_CLEAR | DR7_FIXED;
            cpu.debugCtl = s.get(VmcsField.GUEST_IA32_DEBUGCTL);
        }
        cpu.sysenterCs = s.get(VmcsField.GUEST_SYSENTER_CS);
        cpu.sysenterEsp = s.get(VmcsField.GUEST_SYSENTER_ESP);
        cpu.sysenterEip = s.get(VmcsField.GUEST_SYSENTER_EIP);
        loadEfer(s, controls);
        if (controls.entry(Controls.LOAD_CET)) {
            cpu.supervisorCet = s.get(VmcsField.GUEST_S_CET);
            cpu.ssp = s.get(VmcsField.GUEST_SSP);
            cpu.interruptSspTable = s.get(VmcsField.GUEST_INTR_SSP_TABLE);
        }
        if (controls.entry(Controls.LOAD_PKRS)) {
            cpu.pkrs = s.get(VmcsField.GUEST_IA32_PKRS);
        }
        if (controls.entry(Controls.LOAD_PAT)) {
            cpu.pat = s.get(VmcsField.GUEST_IA32_PAT);
        }
        for (int i = 0; i < 8; i++) {
            cpu.selector[i] = (int) s.get(SegmentFields.SELECTOR[i]);
            cpu.base[i] = s.get(SegmentFields.BASE[i]);
            cpu.limit[i] = s.get(SegmentFields.LIMIT[i]);
            cpu.rights[i] = (int) s.get(SegmentFields.RIGHTS[i]) & RIGHTS;
        }
        cpu.cpl = cpu.rights[Reg.SS] >> 5 & 3;
        cpu.gdtBase = s.get(VmcsField.GUEST_GDTR_BASE);
        cpu.gdtLimit = (int) s.get(VmcsField.GUEST_GDTR_LIMIT);
        cpu.idtBase = s.get(VmcsField.GUEST_IDTR_BASE);
        cpu.idtLimit = (int) s.get(VmcsField.GUEST_IDTR_LIMIT);
        cpu.rip = s.get(VmcsField.GUEST_RIP);
        cpu.r[Reg.RSP] = s.get(VmcsField.GUEST_RSP);
        loadNonRegister(s, controls);
        cpu.setRflags(s.get(VmcsField.GUEST_RFLAGS));
        boolean pae = ControlRegisters.paePaging(cpu);
        if (pae && controls.secondary(Controls.EPT)) {
            cpu.pdpte[0] = s.get(VmcsField.GUEST_PDPTE0);
            cpu.pdpte[1] = s.get(VmcsField.GUEST_PDPTE1);
            cpu.pdpte[2] = s.get(VmcsField.GUEST_PDPTE2);
            cpu.pdpte[3] = s.get(VmcsField.GUEST_PDPTE3);
        } else if (pae) {
            for (int i = 0; i < 4; i++) {
                cpu.pdpte[i] = cpu.physical.read((cpu.cr3 & 0xffffffe0L) + 8L * i, 8);
            }
        }
        vmx.switchWorld();
        cpu.updateMode();
        cpu.updatePending();
    }

    private void loadEfer(Vmcs s, Controls controls) {
        if (controls.entry(Controls.LOAD_EFER)) {
            cpu.efer = s.get(VmcsField.GUEST_IA32_EFER);
            return;
        }
        long both = Cpu.EFER_LMA | Cpu.EFER_LME;
        boolean wide = controls.entry(Controls.IA32E_GUEST);
        if ((cpu.cr0 & Cpu.CR0_PG) != 0) {
            cpu.efer = cpu.efer & ~both | (wide ? both : 0);
        } else {
            cpu.efer = cpu.efer & ~Cpu.EFER_LMA | (wide ? Cpu.EFER_LMA : 0);
        }
    }

    private void loadNonRegister(Vmcs s, Controls controls) {
        long blocked = s.get(VmcsField.GUEST_INTERRUPTIBILITY_INFO);
        cpu.shadow =
                (blocked & MOV_SS) != 0 ? Cpu.SHADOW_MOV_SS : (blocked & STI) != 0 ? Cpu.SHADOW_STI : Cpu.SHADOW_NONE;
        cpu.unpend(Cpu.PENDING_SHADOW | Cpu.PENDING_DEBUG_TRAP);
        if (cpu.shadow != Cpu.SHADOW_NONE) {
            cpu.pend(Cpu.PENDING_SHADOW);
        }
        boolean nmi = (blocked & NMI) != 0;
        boolean virtual = controls.pin(Controls.VIRTUAL_NMIS);
        vmx.virtualNmiBlocked = virtual && nmi;
        if (virtual || !nmi) {
            cpu.unblockNmi();
        } else {
            cpu.nmiBlocked = true;
        }
        cpu.pendingDebug = 0;
        cpu.activity = (int) s.get(VmcsField.GUEST_ACTIVITY_STATE);
        cpu.unpend(Cpu.PENDING_INACTIVE);
        if (cpu.activity != Cpu.ACTIVE) {
            cpu.pend(Cpu.PENDING_INACTIVE);
        }
    }

    /** SDM Vol. 3, "Delivery of Pending Debug Exceptions after VM Entry". */
    void loadPendingDebug() {
        long pending = vmx.vmcs.get(VmcsField.GUEST_PENDING_DBG_EXCEPTIONS);
        if ((pending & (ENABLED_BREAKPOINT | SINGLE_STEP)) == 0 || cpu.activity >= Cpu.SHUTDOWN) {
            return;
        }
        cpu.pendingDebug = pending & (HITS | SINGLE_STEP);
        cpu.pend(Cpu.PENDING_DEBUG_TRAP);
    }

    void save() {
        Vmcs s = vmx.vmcs;
        Controls controls = vmx.controls;
        s.set(VmcsField.GUEST_CR0, cpu.cr0);
        s.set(VmcsField.GUEST_CR3, cpu.cr3);
        s.set(VmcsField.GUEST_CR4, cpu.cr4);
        if (controls.exit(Controls.SAVE_DEBUG)) {
            s.set(VmcsField.GUEST_DR7, cpu.dr[7]);
            s.set(VmcsField.GUEST_IA32_DEBUGCTL, cpu.debugCtl);
        }
        s.set(VmcsField.GUEST_SYSENTER_CS, cpu.sysenterCs);
        s.set(VmcsField.GUEST_SYSENTER_ESP, cpu.sysenterEsp);
        s.set(VmcsField.GUEST_SYSENTER_EIP, cpu.sysenterEip);
        if (controls.exit(Controls.SAVE_PAT)) {
            s.set(VmcsField.GUEST_IA32_PAT, cpu.pat);
        }
        if (controls.exit(Controls.SAVE_EFER)) {
            s.set(VmcsField.GUEST_IA32_EFER, cpu.efer);
        }
        if (vmx.model.has(VmxFeature.ENTRY_LOAD_CET)) {
            s.set(VmcsField.GUEST_S_CET, cpu.supervisorCet);
            s.set(VmcsField.GUEST_SSP, cpu.ssp);
            s.set(VmcsField.GUEST_INTR_SSP_TABLE, cpu.interruptSspTable);
        }
        if (vmx.model.has(VmxFeature.ENTRY_LOAD_PKRS)) {
            s.set(VmcsField.GUEST_IA32_PKRS, cpu.pkrs);
        }
        if (vmx.model.has(VmxFeature.STORE_LMA)) {
            long entry = controls.entry & ~Controls.IA32E_GUEST;
            s.set(VmcsField.VM_ENTRY_CONTROLS, entry | (cpu.longMode() ? Controls.IA32E_GUEST : 0));
        }
        for (int i = 0; i < 8; i++) {
            s.set(SegmentFields.SELECTOR[i], cpu.selector[i]);
            s.set(SegmentFields.BASE[i], cpu.base[i]);
            s.set(SegmentFields.LIMIT[i], cpu.limit[i]);
            s.set(SegmentFields.RIGHTS[i], cpu.rights[i] & RIGHTS);
        }
        s.set(VmcsField.GUEST_GDTR_BASE, cpu.gdtBase);
        s.set(VmcsField.GUEST_GDTR_LIMIT, cpu.gdtLimit);
        s.set(VmcsField.GUEST_IDTR_BASE, cpu.idtBase);
        s.set(VmcsField.GUEST_IDTR_LIMIT, cpu.idtLimit);
        s.set(VmcsField.GUEST_RIP, cpu.rip);
        s.set(VmcsField.GUEST_RSP, cpu.r[Reg.RSP]);
        s.set(VmcsField.GUEST_RFLAGS, cpu.rflags());
        saveNonRegister(s, controls);
        if (controls.secondary(Controls.EPT) && ControlRegisters.paePaging(cpu)) {
            s.set(VmcsField.GUEST_PDPTE0, cpu.pdpte[0]);
            s.set(VmcsField.GUEST_PDPTE1, cpu.pdpte[1]);
            s.set(VmcsField.GUEST_PDPTE2, cpu.pdpte[2]);
            s.set(VmcsField.GUEST_PDPTE3, cpu.pdpte[3]);
        }
    }

    private void saveNonRegister(Vmcs s, Controls controls) {
        boolean nmi = controls.pin(Controls.VIRTUAL_NMIS) ? vmx.virtualNmiBlocked : cpu.nmiBlocked;
        long blocked = nmi ? NMI : 0;
        if (cpu.shadow == Cpu.SHADOW_MOV_SS) {
            blocked |= MOV_SS;
        } else if (cpu.shadow == Cpu.SHADOW_STI) {
            blocked |= STI;
        }
        s.set(VmcsField.GUEST_INTERRUPTIBILITY_INFO, blocked);
        s.set(VmcsField.GUEST_ACTIVITY_STATE, cpu.activity);
        long pending = cpu.pendingDebug & (HITS | SINGLE_STEP);
        s.set(VmcsField.GUEST_PENDING_DBG_EXCEPTIONS, pending | ((pending & HITS) != 0 ? ENABLED_BREAKPOINT : 0));
        if (controls.exit(Controls.SAVE_TIMER)) {
            s.set(VmcsField.VMX_PREEMPTION_TIMER_VALUE, vmx.events.timerValue());
        }
    }
}
