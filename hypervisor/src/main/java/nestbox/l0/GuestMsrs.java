package nestbox.l0;

import nestbox.x86.Cpu;

/**
 * Registers that have no place in a control structure and must hold the guest's values while it runs (KVM's user-return MSRs,
 * and the debug registers); written when they differ from what the host processor has.
 */
public final class GuestMsrs {
    private static final int STAR = 0xc0000081;
    private static final int LSTAR = 0xc0000082;
    private static final int CSTAR = 0xc0000083;
    private static final int FMASK = 0xc0000084;
    private static final int KERNEL_GS_BASE = 0xc0000102;
    private static final int TSC_AUX = 0xc0000103;
    private static final int XSS = 0xda0;

    private final Cpu guest;
    private final HostProcessor host;

    public GuestMsrs(Cpu guest, HostProcessor host) {
        this.guest = guest;
        this.host = host;
    }

    /** Writes all of them. */
    public void load() {
        Cpu h = host.cpu();
        write(STAR, h.star, guest.star);
        write(LSTAR, h.lstar, guest.lstar);
        write(CSTAR, h.cstar, guest.cstar);
        write(FMASK, h.fmask, guest.fmask);
        write(KERNEL_GS_BASE, h.kernelGsBase, guest.kernelGsBase);
        loadOthers();
    }

    /** Writes those that SVM's VMLOAD does not load. */
    public void loadOthers() {
        Cpu h = host.cpu();
        write(TSC_AUX, h.tscAux, guest.tscAux);
        write(XSS, h.msrs.stored(XSS), guest.msrs.stored(XSS));
        for (int i = 0; i < 4; i++) {
            if (h.dr[i] != guest.dr[i]) {
                host.setDr(i, guest.dr[i]);
            }
        }
    }

    private void write(int index, long old, long value) {
        if (old != value) {
            host.wrmsr(index, value);
        }
    }
}
