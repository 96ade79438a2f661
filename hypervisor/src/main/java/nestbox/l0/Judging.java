package nestbox.l0;

import nestbox.l0.ledger.Invalidation;
import nestbox.l0.ledger.Judge;
import nestbox.l0.ledger.TlbLedger;
import nestbox.l0.ledger.World;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.mem.SiliconPort;
import nestbox.x86.model.Vendor;

/** What a ledger is told of one vCPU, if there is one: who runs, and what L1 invalidates of its guests. */
public final class Judging {
    private final Vcpu vcpu;
    private Judge judge;

    Judging(Vcpu vcpu) {
        this.vcpu = vcpu;
    }

    /** Lets a ledger judge what the guest's accesses come to. */
    void begin(TlbLedger ledger, Cpu host) {
        Cpu guest = vcpu.guest();
        boolean tdp = vcpu.hypervisor().mmu().config().tdp();
        boolean inMemory = tdp && guest.features.vendor() == Vendor.AMD;
        judge = ledger.judge(
                guest.id,
                tdp ? host : guest,
                vcpu.hypervisor().host().guestOffset(),
                inMemory,
                () -> vcpu.running() ? world() : null,
                vcpu::running);
        if (host.mem.port() instanceof SiliconPort port) {
            port.observe(judge);
        }
        ((GuestPort) guest.mem.port()).observe(judge.emulated(this::world));
    }

    private World world() {
        return vcpu.guestMode() ? vcpu.nesting().world() : World.L1;
    }

    /** A device of which the MMIO cache says that a linear address leads there. */
    void usedDevice(long linear, int access, long device) {
        if (judge != null) {
            boolean lifted = (vcpu.guest().systemFlags & Flags.AC) != 0;
            judge.used(world(), linear, access, device, lifted);
        }
    }

    /** A transition between L1 and L2 drops every translation of VPID 0, by the architecture. */
    public void transition() {
        if (judge != null) {
            judge.transition();
        }
    }

    /** L1 has invalidated translations of its guests: {@code address} is linear, or an EPTP. */
    public void ofGuests(Invalidation.Kind kind, long tag, long address) {
        if (judge != null) {
            judge.ofGuests(kind, tag, address);
        }
    }

    /** L1 sees an EPT violation of L2. */
    public void violated(long eptp, long address) {
        if (judge != null) {
            judge.violated(eptp, address);
        }
    }
}
