package nestbox.vmx.silicon;

import nestbox.mmu.paging.Access;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;

/**
 * The guest's ways to its APIC: accesses to the APIC-access page and the MSRs 800h to 8FFh of "virtualize x2APIC mode". Each is
 * virtualized in the virtual-APIC page or causes an exit (SDM Vol. 3, "Virtualizing Memory-Mapped APIC Accesses", "Virtualizing
 * MSR-Based APIC Accesses").
 */
final class ApicAccess {
    private static final int READ = 0;
    private static final int WRITE = 1 << 12;
    private static final int FETCH = 2 << 12;
    private static final int DELIVERY = 3 << 12;
    private static final int PHYSICAL_DELIVERY = 10 << 12;
    private static final int PHYSICAL = 15 << 12;

    /** Sets of registers, by bits 9:4 of the page offset. */
    private static final long TPR = bits(8, 8);

    private static final long TPR_EOI_ICR = TPR | bits(0xb, 0xb) | bits(0x30, 0x30);

    private static final long WRITABLE =
            bits(2, 2) | TPR | bits(0xb, 0xb) | bits(0xd, 0xf) | bits(0x28, 0x28) | bits(0x30, 0x38) | bits(0x3e, 0x3e);

    private static final long READABLE = WRITABLE | bits(3, 3) | bits(0x10, 0x27);

    private static final int MSR_TPR = 0x808;
    private static final int MSR_EOI = 0x80b;
    private static final int MSR_SELF_IPI = 0x83f;

    private final Vmx vmx;
    private final Cpu cpu;

    ApicAccess(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    private static long bits(int first, int last) {
        return -1L << first & -1L >>> 63 - last;
    }

    // ---- the APIC-access page ----

    long load(long physical, int bytes, int access) {
        int offset = (int) physical & 0xfff;
        if (!virtualized(offset, bytes, readable())) {
            refuse(offset, READ);
        }
        if ((access & Access.WRITE) != 0 && !virtualized(offset, bytes, writable())) {
            refuse(offset, WRITE);
        }
        return vmx.virtualApic.load(offset, bytes);
    }

    void store(long physical, int bytes, long value) {
        int offset = (int) physical & 0xfff;
        if (!virtualized(offset, bytes, writable())) {
            refuse(offset, WRITE);
        }
        vmx.virtualApic.store(offset, bytes, value);
        vmx.virtualApic.noteWrite(offset);
    }

    /** Instruction fetches, and accesses whose loads and stores come later. */
    void check(long physical, int bytes, int access) {
        int offset = (int) physical & 0xfff;
        if ((access & Access.EXECUTE) != 0) {
            refuse(offset, FETCH);
        }
        boolean write = (access & Access.WRITE) != 0;
        if (!virtualized(offset, bytes, write ? writable() : readable())) {
            refuse(offset, write ? WRITE : READ);
        }
    }

    /** A walk through the guest's tables meets the page: no linear access, and never virtualized. */
    void table() {
        vmx.prepared.note(ExitReason.APIC_ACCESS, cpu.event.active ? PHYSICAL_DELIVERY : PHYSICAL);
    }

    private long readable() {
        return !vmx.controls.primary(Controls.TPR_SHADOW)
                ? 0
                : vmx.controls.secondary(Controls.APIC_REGISTERS) ? READABLE : TPR;
    }

    private long writable() {
        if (!vmx.controls.primary(Controls.TPR_SHADOW)) {
            return 0;
        }
        return vmx.controls.secondary(Controls.APIC_REGISTERS)
                ? WRITABLE
                : vmx.controls.secondary(Controls.VIRTUAL_INTERRUPTS) ? TPR_EOI_ICR : TPR;
    }

    /** At most 32 bits, within the first four bytes of a register of the set; without register virtualization at its start. */
    private boolean virtualized(int offset, int bytes, long registers) {
        int within = offset & 15;
        boolean anywhere = vmx.controls.secondary(Controls.APIC_REGISTERS);
        return offset < 0x400
                && (registers >>> (offset >>> 4) & 1) != 0
                && bytes <= 4
                && within + bytes <= 4
                && (anywhere || within == 0);
    }

    private void refuse(int offset, int type) {
        vmx.prepared.note(ExitReason.APIC_ACCESS, offset | (cpu.event.active ? DELIVERY : type));
        throw cpu.raise(Vector.EXTENSION);
    }

    // ---- MSRs ----

    /** RDMSR of 800h to 8FFh with "virtualize x2APIC mode"; true if it is done. */
    boolean readMsr(int index) {
        if (index != MSR_TPR && !vmx.controls.secondary(Controls.APIC_REGISTERS)) {
            return false;
        }
        long value = vmx.virtualApic.load((index & 0xff) << 4, 8);
        cpu.r[Reg.RAX] = value & 0xffffffffL;
        cpu.r[Reg.RDX] = value >>> 32;
        return true;
    }

    /** WRMSR of 800h to 8FFh with "virtualize x2APIC mode"; true if it is done. */
    boolean writeMsr(int index, long value) {
        VirtualApic apic = vmx.virtualApic;
        boolean delivery = vmx.controls.secondary(Controls.VIRTUAL_INTERRUPTS);
        if (index == MSR_TPR) {
            reserve(value >>> 8);
            apic.store(VirtualApic.TPR, 8, value);
            apic.virtualizeTpr();
            return true;
        }
        if (!delivery || index != MSR_EOI && index != MSR_SELF_IPI) {
            return false;
        }
        if (index == MSR_EOI) {
            reserve(value);
            apic.store(VirtualApic.EOI, 8, 0);
            apic.virtualizeEoi();
            return true;
        }
        reserve(value >>> 8);
        apic.store(VirtualApic.SELF_IPI, 8, value);
        if (value < 16) {
            apic.trapWrite(VirtualApic.SELF_IPI);
        } else {
            apic.virtualizeSelfIpi((int) value);
        }
        return true;
    }

    private void reserve(long bits) {
        if (bits != 0) {
            throw cpu.raise(Vector.GP, 0);
        }
    }
}
