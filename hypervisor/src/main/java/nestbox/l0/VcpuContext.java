package nestbox.l0;

import nestbox.mmu.core.GuestContext;
import nestbox.mmu.core.Ngpa;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;

/** The MMU core's view of a vCPU. */
final class VcpuContext implements GuestContext {
    private final Vcpu vcpu;
    private final Cpu guest;

    VcpuContext(Vcpu vcpu) {
        this.vcpu = vcpu;
        guest = vcpu.guest();
    }

    @Override
    public long cr0() {
        return guest.cr0;
    }

    @Override
    public long cr3() {
        vcpu.need(StateGroup.CONTROL);
        return guest.cr3;
    }

    @Override
    public long cr4() {
        return guest.cr4;
    }

    @Override
    public long efer() {
        return guest.efer;
    }

    @Override
    public long pdpte(int index) {
        vcpu.need(StateGroup.CONTROL);
        return guest.pdpte[index];
    }

    @Override
    public boolean ac() {
        vcpu.need(StateGroup.BASIC);
        return (guest.systemFlags & Flags.AC) != 0;
    }

    @Override
    public int cpl() {
        vcpu.need(StateGroup.CODE);
        return guest.cpl;
    }

    @Override
    public long pkru() {
        vcpu.need(StateGroup.VECTOR);
        return guest.pkru;
    }

    @Override
    public long pkrs() {
        return guest.pkrs;
    }

    @Override
    public boolean guestMode() {
        return vcpu.guestMode();
    }

    @Override
    public boolean smm() {
        return guest.smm;
    }

    @Override
    public boolean nestedTdp() {
        return vcpu.guestMode() && vcpu.nesting().nestedTdp();
    }

    @Override
    public long nestedRoot() {
        return vcpu.nesting().nestedRoot();
    }

    @Override
    public long hostCr4() {
        return vcpu.guestMode() ? vcpu.nesting().hostCr4() : guest.cr4;
    }

    @Override
    public long hostEfer() {
        return vcpu.guestMode() ? vcpu.nesting().hostEfer() : guest.efer;
    }

    @Override
    public boolean logNestedDirty(Ngpa address) {
        return vcpu.nesting().logDirty(address);
    }

    @Override
    public boolean eventReinjected() {
        return vcpu.injection().reinjects();
    }

    @Override
    public long rip() {
        vcpu.need(StateGroup.BASIC);
        return guest.rip;
    }
}
