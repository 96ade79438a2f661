package nestbox.vmx.silicon;

import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.system.ControlRegisters;

/** Loads the host-state area (SDM Vol. 3, "Loading Host State"). */
final class HostState {
    private static final long CR0_LOADED = 0x8005003fL & ~GuestState.CR0_KEPT;
    private static final int CODE = 0x9b | Cpu.RIGHTS_G;
    private static final int DATA = 0x93 | Cpu.RIGHTS_DB | Cpu.RIGHTS_G;
    private static final int TSS = 0x8b;
    private static final long TSS_LIMIT = 0x67;
    private static final long ALL = 0xffffffffL;

    private static final VmcsField[] SELECTORS = {
        VmcsField.HOST_ES_SELECTOR,
        VmcsField.HOST_CS_SELECTOR,
        VmcsField.HOST_SS_SELECTOR,
        VmcsField.HOST_DS_SELECTOR,
        VmcsField.HOST_FS_SELECTOR,
        VmcsField.HOST_GS_SELECTOR
    };

    private final Vmx vmx;
    private final Cpu cpu;

    HostState(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    /** False if the host's PDPTEs are illegal. */
    boolean load() {
        Vmcs s = vmx.vmcs;
        Controls controls = vmx.controls;
        boolean wide = controls.exit(Controls.HOST_64);
        cpu.cr0 = s.get(VmcsField.HOST_CR0) & CR0_LOADED | cpu.cr0 & GuestState.CR0_KEPT | Cpu.CR0_ET;
        cpu.cr3 = s.get(VmcsField.HOST_CR3);
        cpu.cr4 = s.get(VmcsField.HOST_CR4);
        if (wide) {
            cpu.cr4 |= Cpu.CR4_PAE;
        } else {
            cpu.cr4 &= ~Cpu.CR4_PCIDE;
        }
        cpu.dr[7] = GuestState.DR7_FIXED;
        cpu.debugCtl = 0;
        cpu.sysenterCs = s.get(VmcsField.HOST_IA32_SYSENTER_CS);
        cpu.sysenterEsp = s.get(VmcsField.HOST_IA32_SYSENTER_ESP);
        cpu.sysenterEip = s.get(VmcsField.HOST_IA32_SYSENTER_EIP);
        if (controls.exit(Controls.LOAD_HOST_EFER)) {
            cpu.efer = s.get(VmcsField.HOST_IA32_EFER);
        } else {
            long both = Cpu.EFER_LMA | Cpu.EFER_LME;
            cpu.efer = cpu.efer & ~both | (wide ? both : 0);
        }
        if (controls.exit(Controls.LOAD_HOST_CET)) {
            cpu.supervisorCet = s.get(VmcsField.HOST_S_CET);
            cpu.ssp = s.get(VmcsField.HOST_SSP);
            cpu.interruptSspTable = s.get(VmcsField.HOST_INTR_SSP_TABLE);
        }
        if (controls.exit(Controls.LOAD_HOST_PKRS)) {
            cpu.pkrs = s.get(VmcsField.HOST_IA32_PKRS);
        }
        if (controls.exit(Controls.LOAD_HOST_PAT)) {
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
        nonRegister();
        cpu.setRflags(Flags.FIXED);
        vmx.switchWorld();
        cpu.updateMode();
        cpu.updatePending();
        return !ControlRegisters.paePaging(cpu) || vmx.translations().loadPdptes(cpu.cr3);
    }

    private void segments(Vmcs s, boolean wide) {
        for (int i = 0; i < SELECTORS.length; i++) {
            int selector = (int) s.get(SELECTORS[i]);
            cpu.selector[i] = selector;
            cpu.base[i] = 0;
            cpu.limit[i] = ALL;
            cpu.rights[i] = selector == 0 ? Cpu.RIGHTS_UNUSABLE : DATA;
        }
        cpu.rights[Reg.CS] = CODE | (wide ? Cpu.RIGHTS_L : Cpu.RIGHTS_DB);
        cpu.base[Reg.FS] = s.get(VmcsField.HOST_FS_BASE);
        cpu.base[Reg.GS] = s.get(VmcsField.HOST_GS_BASE);
        cpu.selector[Reg.TR] = (int) s.get(VmcsField.HOST_TR_SELECTOR);
        cpu.base[Reg.TR] = s.get(VmcsField.HOST_TR_BASE);
        cpu.limit[Reg.TR] = TSS_LIMIT;
        cpu.rights[Reg.TR] = TSS;
        cpu.selector[Reg.LDTR] = 0;
        cpu.rights[Reg.LDTR] = Cpu.RIGHTS_UNUSABLE;
    }

    private void nonRegister() {
        cpu.shadow = Cpu.SHADOW_NONE;
        cpu.pendingDebug = 0;
        cpu.unpend(Cpu.PENDING_SHADOW | Cpu.PENDING_DEBUG_TRAP | Cpu.PENDING_INACTIVE | Cpu.PENDING_EXTENSION);
        cpu.activity = Cpu.ACTIVE;
        cpu.event.active = false;
    }
}
