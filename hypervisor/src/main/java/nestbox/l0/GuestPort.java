package nestbox.l0;

import nestbox.mmu.core.Gpa;
import nestbox.x86.mem.MemoryPort;
import nestbox.x86.mem.SiliconPort;
import nestbox.x86.mem.TranslationControl;

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

    @Override
    public long load(long linear, int size, int access, int seg) {
        return walking.load(linear, size, access, seg);
    }

    @Override
    public void store(long linear, int size, long value, int access, int seg) {
        walking.store(linear, size, value, access, seg);
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
