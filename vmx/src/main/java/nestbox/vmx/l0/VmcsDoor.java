package nestbox.vmx.l0;

import java.util.stream.Stream;
import nestbox.core.NestboxException;
import nestbox.l0.HostProcessor;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.engine.RootDoor;
import nestbox.x86.insn.Insn;

/** VMX instructions by value, on the VMCS that is current; {@link #forget} names fields that the processor changes on its own. */
final class VmcsDoor {
    private final RootDoor door;
    private final Cpu cpu;
    private final Insn vmread;
    private final Insn vmwrite;
    private final Insn vmlaunch;
    private final Insn vmresume;
    private final Insn vmxon;
    private final Insn vmclear;
    private final Insn vmptrld;
    private final Insn invept;
    private final Insn invvpid;

    private final long operand;
    private final nestbox.mmu.core.HostFrames frames;
    /** The VMCS that accesses are meant for; it becomes the processor's when there is one. */
    private HardwareVmcs current;
    /** The processor's. */
    private HardwareVmcs loaded;

    /** @param frames gives one frame for operands in memory; it must lie where the host maps memory one to one */
    VmcsDoor(HostProcessor host, nestbox.mmu.core.HostFrames frames) {
        door = host.door();
        cpu = host.cpu();
        this.frames = frames;
        operand = frames.allocateBelow4GiB();
        vmread = door.instruction("vmread rax, rcx");
        vmwrite = door.instruction("vmwrite rcx, rax");
        vmlaunch = door.instruction("vmlaunch");
        vmresume = door.instruction("vmresume");
        vmxon = door.instruction("vmxon [rax]");
        vmclear = door.instruction("vmclear [rax]");
        vmptrld = door.instruction("vmptrld [rax]");
        invept = door.instruction("invept rcx, [rax]");
        invvpid = door.instruction("invvpid rcx, [rax]");
    }

    /** Whether the last instruction failed (VMfail). */
    boolean failed() {
        return (cpu.rflags() & (Flags.CF | Flags.ZF)) != 0;
    }

    private void withPointer(Insn in, long address) {
        frames.write64(operand, address);
        cpu.r[Reg.RAX] = operand;
        door.execute(in);
        if (failed()) {
            throw new NestboxException("hypervisor", in + " failed for " + Long.toHexString(address));
        }
    }

    void vmxon(long address) {
        withPointer(vmxon, address);
    }

    /** VMCLEAR: nothing of the VMCS is known afterwards. */
    void clear(HardwareVmcs vmcs) {
        withPointer(vmclear, vmcs.region);
        vmcs.forgetAll();
        if (vmcs == current) {
            current = null;
        }
        if (vmcs == loaded) {
            loaded = null;
        }
    }

    /** Makes a VMCS current, by VMPTRLD once the processor is asked for something of it. */
    void load(HardwareVmcs vmcs) {
        current = vmcs;
    }

    /** The current VMCS becomes the processor's, which writes the one before back to memory. */
    void settle() {
        if (loaded != current) {
            long rax = cpu.r[Reg.RAX];
            withPointer(vmptrld, current.region);
            cpu.r[Reg.RAX] = rax;
            loaded = current;
        }
    }

    HardwareVmcs current() {
        return current;
    }

    void invept(int type, long eptp) {
        invalidate(invept, type, eptp, 0);
    }

    void invvpid(int type, int vpid, long linear) {
        invalidate(invvpid, type, vpid, linear);
    }

    private void invalidate(Insn in, int type, long first, long second) {
        frames.write64(operand, first);
        frames.write64(operand + 8, second);
        cpu.r[Reg.RCX] = type;
        cpu.r[Reg.RAX] = operand;
        door.execute(in);
        if (failed()) {
            throw new NestboxException("hypervisor", in + " failed, type " + type);
        }
    }

    long read(VmcsField field) {
        int i = field.ordinal();
        if (!current.known[i]) {
            settle();
            cpu.r[Reg.RCX] = field.encoding();
            door.execute(vmread);
            if (failed()) {
                throw new NestboxException("hypervisor", "VMREAD of " + field + " failed");
            }
            current.values[i] = cpu.r[Reg.RAX];
            current.known[i] = true;
        }
        return current.values[i];
    }

    void write(VmcsField field, long value) {
        int i = field.ordinal();
        long masked = value & field.mask();
        if (current.known[i] && current.values[i] == masked) {
            return;
        }
        settle();
        cpu.r[Reg.RCX] = field.encoding();
        cpu.r[Reg.RAX] = masked;
        door.execute(vmwrite);
        if (failed()) {
            throw new NestboxException("hypervisor", "VMWRITE of " + field + " failed");
        }
        current.values[i] = masked;
        current.known[i] = true;
    }

    /** The processor has changed the fields of these ordinals. */
    void forget(int[] fields) {
        boolean[] known = current.known;
        for (int field : fields) {
            known[field] = false;
        }
    }

    /** What {@link #forget} takes. */
    static int[] ordinals(VmcsField... fields) {
        return Stream.of(fields).mapToInt(VmcsField::ordinal).toArray();
    }

    /** VMLAUNCH or VMRESUME, with the guest's general registers in place. */
    boolean enter(long budget) {
        settle();
        return door.enter(current.launched ? vmresume : vmlaunch, budget);
    }
}
