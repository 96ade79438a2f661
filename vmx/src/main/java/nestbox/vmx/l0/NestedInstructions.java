package nestbox.vmx.l0;

import java.util.Set;
import nestbox.l0.NestedPolicy;
import nestbox.l0.NestedPolicy.OperandInDevice;
import nestbox.l0.ledger.Invalidation.Kind;
import nestbox.mmu.core.Gva;
import nestbox.mmu.core.Request;
import nestbox.mmu.core.Translation;
import nestbox.mmu.paging.Access;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.InstructionError;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.vmx.vmcs.VmcsLayout;
import nestbox.vmx.vmcs.VmcsTrace;
import nestbox.x86.Cpu;
import nestbox.x86.ExtensionInstruction;
import nestbox.x86.Flags;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** L1's VMX instructions as L0 emulates them, in KVM's order of checks (facts D.1). */
final class NestedInstructions {
    private static final int FEATURE_CONTROL = 0x3a;
    private static final long ENABLED = 5;
    /** Bits of access rights that are not reserved. */
    private static final long RIGHTS = 0x1f0ff;

    private static final Set<VmcsField> RIGHTS_FIELDS = Set.of(VmxGuestState.RIGHTS);
    private static final int INVEPT_GLOBAL = 2;
    private static final int INVVPID_ADDRESS = 0;
    private static final int INVVPID_ALL = 2;
    private static final Kind[] INVVPID_KINDS = {
        Kind.INVVPID_ADDRESS, Kind.INVVPID, Kind.INVVPID_ALL, Kind.INVVPID_NON_GLOBAL
    };
    private static final VmxFeature[] INVVPID_TYPES = {
        VmxFeature.INVVPID_ADDRESS,
        VmxFeature.INVVPID_SINGLE,
        VmxFeature.INVVPID_ALL,
        VmxFeature.INVVPID_SINGLE_RETAINING_GLOBALS
    };

    private final NestedVmx vmx;
    private final Cpu cpu;

    NestedInstructions(NestedVmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    void execute(ExtensionInstruction what, Insn in) {
        switch (what) {
            case VMREAD -> vmread(in);
            case VMWRITE -> vmwrite(in);
            case VMLAUNCH -> enter(true);
            case VMRESUME -> enter(false);
            case VMXON -> vmxon(in);
            case VMXOFF -> vmxoff();
            case VMPTRLD -> vmptrld(in);
            case VMPTRST -> vmptrst(in);
            case VMCLEAR -> vmclear(in);
            case INVEPT -> invept(in);
            case INVVPID -> invvpid(in);
            case VMFUNC -> vmfunc();
            default -> throw cpu.raise(Vector.UD);
        }
    }

    /** Not in VMX operation is #UD, CPL above 0 #GP(0); L2's have become exits before. */
    private void permit() {
        checkMode();
        if (!vmx.on || vmx.guest) {
            throw cpu.raise(Vector.UD);
        }
        if (cpu.cpl != 0 && vmx.vcpu.follows(NestedPolicy.VMX_CPL_CHECK)) {
            throw cpu.raise(Vector.GP, 0);
        }
    }

    /** As {@link #permit}, but L2 may, too: its access goes to the shadow VMCS, as L1 has arranged. */
    private void permitAccess() {
        if (!vmx.guest) {
            permit();
            return;
        }
        checkMode();
        if (cpu.cpl != 0) {
            throw cpu.raise(Vector.GP, 0);
        }
    }

    private void checkMode() {
        boolean compatibility = cpu.longMode() && !cpu.mode64();
        if (!cpu.protectedMode() || cpu.virtual8086() || compatibility) {
            throw cpu.raise(Vector.UD);
        }
    }

    void succeed() {
        Flags.setArithmetic(cpu, 0);
    }

    void failInvalid() {
        Flags.setArithmetic(cpu, Flags.CF);
    }

    void fail(int error) {
        if (vmx.vmcs12 == null) {
            failInvalid();
        } else {
            Flags.setArithmetic(cpu, Flags.ZF);
            vmx.vmcs12.set(VmcsField.VM_INSTRUCTION_ERROR, error);
        }
    }

    private void fail(InstructionError error) {
        fail(error.number());
    }

    private long pointer(Insn in) {
        long linear = Operands.linear(cpu, in, 8, false);
        OperandInDevice policy = vmx.vcpu.hypervisor().config().nested().operandInDevice();
        if (policy != OperandInDevice.READ && inDevice(linear)) {
            if (policy == OperandInDevice.FAIL) {
                throw vmx.vcpu.giveUp("KVM_EXIT_INTERNAL_ERROR: KVM_INTERNAL_ERROR_EMULATION, operand in a device");
            }
            // The host-physical address of L0's own structure stands for what L0's stack held.
            long held = policy == OperandInDevice.LEAK ? vmx.backend.vmcs02().region : 0;
            throw cpu.raisePageFault(held, held & 0xffff);
        }
        return cpu.mem.load64(linear, Operands.faultSegment(in));
    }

    private boolean inDevice(long linear) {
        Translation found = vmx.vcpu.mmu().gvaToGpa(new Gva(linear), Access.READ);
        return found instanceof Translation.Mapped mapped
                && vmx.vcpu.hypervisor().mmu().slots().toHpa(0, mapped.gpa().value()) < 0;
    }

    private boolean badAddress(long address) {
        return (address & 0xfff) != 0 || address >>> cpu.features.physicalBits() != 0;
    }

    private void vmxon(Insn in) {
        checkMode();
        if ((cpu.cr4 & Cpu.CR4_VMXE) == 0) {
            throw cpu.raise(Vector.UD);
        }
        if (cpu.cpl != 0) {
            throw cpu.raise(Vector.GP, 0);
        }
        if (vmx.on) {
            fail(InstructionError.VMXON_IN_ROOT);
            return;
        }
        long must = vmx.model.capability().cr0Fixed0();
        boolean fixed = (must & ~cpu.cr0) == 0 && (vmx.model.capability().cr4Fixed0() & ~cpu.cr4) == 0;
        if (!fixed || (cpu.msrs.stored(FEATURE_CONTROL) & ENABLED) != ENABLED) {
            throw cpu.raise(Vector.GP, 0);
        }
        long address = pointer(in);
        if (badAddress(address) || (int) cpu.physical.read(address, 4) != NestedVmxProvider.REVISION) {
            failInvalid();
            return;
        }
        vmx.turnOn(address);
        succeed();
    }

    private void vmxoff() {
        permit();
        vmx.turnOff();
        succeed();
    }

    private void vmclear(Insn in) {
        permit();
        long address = pointer(in);
        if (badAddress(address)) {
            fail(InstructionError.VMCLEAR_ADDRESS);
        } else if (address == vmx.vmxonPointer) {
            fail(InstructionError.VMCLEAR_VMXON_POINTER);
        } else {
            if (vmx.vmcs12 != null && vmx.vmcs12.address() == address) {
                vmx.release();
            }
            cpu.physical.write(address + VmcsLayout.LAUNCH_STATE, 4, Vmcs.CLEAR);
            succeed();
        }
    }

    private void vmptrld(Insn in) {
        permit();
        long address = pointer(in);
        if (badAddress(address)) {
            fail(InstructionError.VMPTRLD_ADDRESS);
            return;
        }
        if (address == vmx.vmxonPointer) {
            fail(InstructionError.VMPTRLD_VMXON_POINTER);
            return;
        }
        int first = (int) cpu.physical.read(address, 4);
        boolean shadow = (first & VmcsLayout.SHADOW_INDICATOR) != 0;
        if ((first & ~VmcsLayout.SHADOW_INDICATOR) != NestedVmxProvider.REVISION
                || shadow && !vmx.has(VmxFeature.VMCS_SHADOWING)) {
            fail(InstructionError.VMPTRLD_REVISION);
            return;
        }
        vmx.makeCurrent(address);
        succeed();
    }

    private void vmptrst(Insn in) {
        permit();
        long value = vmx.vmcs12 == null ? NestedVmx.NONE : vmx.vmcs12.address();
        cpu.mem.store64(Operands.linear(cpu, in, 8, true), Operands.faultSegment(in), value);
        succeed();
    }

    private long register(Insn in) {
        return in.codeSize == 64 ? cpu.r[in.reg] : cpu.r[in.reg] & 0xffffffffL;
    }

    private VmcsField field(long encoding) {
        VmcsField field = VmcsField.byEncoding(encoding);
        return field == null || !vmx.model.has(field) ? null : field;
    }

    private void vmread(Insn in) {
        permitAccess();
        Vmcs vmcs = vmx.accessed();
        if (vmcs == null) {
            failInvalid();
            return;
        }
        long encoding = register(in);
        VmcsField field = field(encoding);
        if (field == null) {
            fail(InstructionError.UNSUPPORTED_COMPONENT);
            return;
        }
        takeFromHardware(field);
        long value = (encoding & 1) != 0 ? vmcs.get(field) >>> 32 : vmcs.get(field);
        Operands.setRm(cpu, in, in.codeSize == 64 ? 64 : 32, value);
        VmcsTrace.read(cpu.trace, encoding, value, vmx.guest);
        succeed();
    }

    private void vmwrite(Insn in) {
        permitAccess();
        Vmcs vmcs = vmx.accessed();
        if (vmcs == null) {
            failInvalid();
            return;
        }
        long value = Operands.rm(cpu, in, in.codeSize == 64 ? 64 : 32);
        long encoding = register(in);
        VmcsField field = field(encoding);
        if (field == null) {
            fail(InstructionError.UNSUPPORTED_COMPONENT);
            return;
        }
        if (field.group() == VmcsField.Group.READ_ONLY && !vmx.has(VmxFeature.VMWRITE_EXIT_FIELDS)) {
            fail(InstructionError.READ_ONLY_COMPONENT);
            return;
        }
        takeFromHardware(field);
        VmcsTrace.write(cpu.trace, encoding, value, vmx.guest);
        if ((encoding & 1) != 0) {
            value = vmcs.get(field) & 0xffffffffL | value << 32;
        }
        vmcs.set(field, dropsReserved(field) ? value & RIGHTS : value);
        succeed();
    }

    private boolean dropsReserved(VmcsField field) {
        return RIGHTS_FIELDS.contains(field) && !vmx.vcpu.follows(NestedPolicy.VMWRITE_RIGHTS);
    }

    /** What vmcs12 has may be older than hardware's. */
    private void takeFromHardware(VmcsField field) {
        if (!vmx.guest) {
            vmx.rare.pull(field);
        }
        if (!vmx.guest && vmx.shadowing.shadows(field)) {
            vmx.shadowing.pull();
        }
    }

    /** L2's, which {@link NestedExits} has found to be L0's: it switches EPTP12. L1 has no VM functions. */
    private void vmfunc() {
        if (!vmx.guest) {
            throw cpu.raise(Vector.UD);
        }
        vmx.functions.switchTables();
    }

    private void enter(boolean launch) {
        permit();
        vmx.entry.run(launch, this);
    }

    private void invept(Insn in) {
        if (!vmx.has(VmxFeature.ENABLE_EPT) || !vmx.has(VmxFeature.INVEPT)) {
            throw cpu.raise(Vector.UD);
        }
        permit();
        long type = register(in);
        boolean supported = type == 1 && vmx.has(VmxFeature.INVEPT_SINGLE)
                || type == INVEPT_GLOBAL && vmx.has(VmxFeature.INVEPT_ALL);
        if (!supported) {
            fail(InstructionError.INVALIDATION_OPERAND);
            return;
        }
        long linear = Operands.linear(cpu, in, 16, false);
        int seg = Operands.faultSegment(in);
        long eptp = cpu.mem.load64(linear, seg);
        cpu.mem.load64(linear + 8, seg);
        if (type == 1 && !vmx.entry.validEptp(eptp)) {
            fail(InstructionError.INVALIDATION_OPERAND);
            return;
        }
        boolean all = type == INVEPT_GLOBAL;
        vmx.vcpu.judging().ofGuests(all ? Kind.INVEPT_ALL : Kind.INVEPT, 0, eptp);
        vmx.vcpu.mmu().invept(all, eptp);
        succeed();
    }

    private void invvpid(Insn in) {
        if (!vmx.has(VmxFeature.ENABLE_VPID) || !vmx.has(VmxFeature.INVVPID)) {
            throw cpu.raise(Vector.UD);
        }
        permit();
        long type = register(in);
        if (type < 0 || type >= INVVPID_TYPES.length || !vmx.has(INVVPID_TYPES[(int) type])) {
            fail(InstructionError.INVALIDATION_OPERAND);
            return;
        }
        long linear = Operands.linear(cpu, in, 16, false);
        int seg = Operands.faultSegment(in);
        long vpid = cpu.mem.load64(linear, seg);
        long address = cpu.mem.load64(linear + 8, seg);
        boolean bad = vpid >>> 16 != 0
                || type != INVVPID_ALL && vpid == 0
                || type == INVVPID_ADDRESS && !cpu.canonicalBase(address);
        if (bad) {
            fail(InstructionError.INVALIDATION_OPERAND);
            return;
        }
        vmx.vcpu.judging().ofGuests(INVVPID_KINDS[(int) type], vpid, address);
        int vpid02 = vmx.backend.vmcs02().vpid;
        if (vpid02 != 0) {
            vmx.backend.flushVpid(vpid02);
        } else {
            vmx.vcpu.raise(Request.TLB_FLUSH_GUEST);
        }
        vmx.vcpu.mmu().invvpid();
        succeed();
    }
}
