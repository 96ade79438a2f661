package nestbox.l0;

import nestbox.mmu.core.Gpa;
import nestbox.mmu.core.Gva;
import nestbox.mmu.paging.Access;
import nestbox.x86.mem.MemoryPort;
import nestbox.x86.mem.SiliconPort;
import nestbox.x86.mem.TranslationControl;
import nestbox.x86.mem.TranslationObserver;

/**
 * The memory port of a guest's processor as L0's emulator uses it: each access walks the guest's tables anew and ends in the
 * guest's memory or devices. What it writes is told to the MMU core, which may shadow it; what instructions do to translation is
 * told to {@link GuestControl}.
 */
final class GuestPort implements MemoryPort {
    private final SiliconPort walking;
    private final GuestControl control;
    private Vcpu vcpu;

    GuestPort(SiliconPort walking) {
        this.walking = walking;
        control = new GuestControl(walking.control());
    }

    void attach(Vcpu newVcpu) {
        vcpu = newVcpu;
        control.attach(newVcpu);
        // With TDP, too: L1's EPT12 and NPT12 may be shadowed.
        walking.listen((physical, size) -> vcpu.mmu().trackWrite(new Gpa(physical), size));
    }

    void observe(TranslationObserver observer) {
        walking.observe(observer);
    }

    @Override
    public long load(long linear, int size, int access, int seg) {
        long device = device(linear, size, access);
        if (device >= 0) {
            return vcpu.guest().physical.read(device, size);
        }
        return walking.load(linear, size, access, seg);
    }

    @Override
    public void store(long linear, int size, long value, int access, int seg) {
        long device = device(linear, size, access);
        if (device >= 0) {
            vcpu.guest().physical.write(device, size, value);
            return;
        }
        walking.store(linear, size, value, access, seg);
    }

    /** Physical address of an operand that the MMIO cache knows by its linear address, or -1. */
    private long device(long linear, int size, int access) {
        boolean possible = vcpu != null && (access & Access.IMPLICIT) == 0 && (linear & 0xfff) + size <= 0x1000;
        long device = possible ? vcpu.mmu().mmioMatch(new Gva(linear), access) : -1;
        if (device >= 0) {
            vcpu.judging().usedDevice(linear, access, device);
        }
        return device;
    }

    @Override
    public void probe(long linear, int length, int access, int seg) {
        walking.probe(linear, length, access, seg);
    }

    @Override
    public long fetch(long linear) {
        return walking.fetch(linear);
    }

    @Override
    public int codeByte(long physical) {
        return walking.codeByte(physical);
    }

    @Override
    public void contextChanged() {
        walking.contextChanged();
    }

    @Override
    public boolean retainsFetches() {
        return false;
    }

    @Override
    public TranslationControl control() {
        return control;
    }
}
