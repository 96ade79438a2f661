package nestbox.vmx.l0;

import java.util.Arrays;
import nestbox.core.NestboxException;
import nestbox.l0.HostProcessor;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.engine.RootDoor;
import nestbox.x86.insn.Insn;

/**
 * VMX instructions by value. Values that L0 has written or read are remembered, so that a field is written only when it
 * changes; {@link #forget} names those that the processor changes on its own.
 */
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
    private final long[] values = new long[VmcsField.count()];
    private final boolean[] known = new boolean[VmcsField.count()];

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

    void vmclear(long address) {
        withPointer(vmclear, address);
    }

    void vmptrld(long address) {
        withPointer(vmptrld, address);
        Arrays.fill(known, false);
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
        if (!known[i]) {
            cpu.r[Reg.RCX] = field.encoding();
            door.execute(vmread);
            if (failed()) {
                throw new NestboxException("hypervisor", "VMREAD of " + field + " failed");
            }
            values[i] = cpu.r[Reg.RAX];
            known[i] = true;
        }
        return values[i];
    }

    void write(VmcsField field, long value) {
        int i = field.ordinal();
        long masked = value & field.mask();
        if (known[i] && values[i] == masked) {
            return;
        }
        cpu.r[Reg.RCX] = field.encoding();
        cpu.r[Reg.RAX] = masked;
        door.execute(vmwrite);
        if (failed()) {
            throw new NestboxException("hypervisor", "VMWRITE of " + field + " failed");
        }
        values[i] = masked;
        known[i] = true;
    }

    /** The processor has changed these fields. */
    void forget(VmcsField... fields) {
        for (VmcsField field : fields) {
            known[field.ordinal()] = false;
        }
    }

    /** VMLAUNCH or VMRESUME with the given general registers already in place. */
    boolean enter(boolean launch, long budget) {
        return door.enter(launch ? vmlaunch : vmresume, budget);
    }
}
