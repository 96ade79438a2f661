package nestbox.vmx.check;

import nestbox.mmu.memory.PhysicalMemory;
import nestbox.vmx.VmxModel;
import nestbox.vmx.vmcs.VmcsField;

/** A VMCS in a test, with the memory and the MSR rules of a processor. */
record SiliconView(TestState state, PhysicalMemory memory, ModelMsrs msrs) implements CheckContext {
    @Override
    public long get(VmcsField field) {
        return model().has(field) ? state.peek(field) : 0;
    }

    @Override
    public VmxModel model() {
        return state.model();
    }

    @Override
    public boolean ia32eMode() {
        return true;
    }

    @Override
    public boolean inSmm() {
        return false;
    }

    @Override
    public boolean movSsBlocking() {
        return false;
    }

    @Override
    public boolean hasCurrentVmcs() {
        return true;
    }

    @Override
    public long currentVmcs() {
        return 0x40_1000;
    }

    @Override
    public boolean currentIsShadow() {
        return false;
    }

    @Override
    public boolean launched() {
        return false;
    }

    @Override
    public boolean launching() {
        return true;
    }

    @Override
    public long readPhysical(long address, int bytes) {
        return memory.read(address, bytes);
    }

    @Override
    public boolean lookedOutside() {
        return true;
    }

    @Override
    public long reservedMsrBits(int msr) {
        return msrs.reserved(msr);
    }

    @Override
    public boolean wrmsrFaults(int msr, long value) {
        return msrs.refuses(msr, value);
    }
}
