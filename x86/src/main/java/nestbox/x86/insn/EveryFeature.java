package nestbox.x86.insn;

import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/** A processor that has every feature: what tools decode with, which know no model. */
record EveryFeature(Vendor vendor) implements CpuFeatures {
    @Override
    public boolean has(Feature feature) {
        return true;
    }

    @Override
    public int physicalBits() {
        return 52;
    }

    @Override
    public int linearBits() {
        return 57;
    }

    @Override
    public int[] cpuid(int leaf, int subleaf) {
        return new int[4];
    }

    @Override
    public long msr(int index, long otherwise) {
        return otherwise;
    }
}
