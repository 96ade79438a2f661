package nestbox.vmx;

import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/** A processor model as far as VMX asks for it: the CPU features that came in steps with Intel's generations. */
public record TestCpu(String modelName, Map<String, Boolean> vmxSwitches, EnumSet<Feature> features, int physicalBits)
        implements CpuFeatures {
    private static final EnumSet<Feature> CORE2 = EnumSet.of(
            Feature.FPU,
            Feature.VME,
            Feature.DE,
            Feature.PSE,
            Feature.TSC,
            Feature.MSR,
            Feature.PAE,
            Feature.MCE,
            Feature.CX8,
            Feature.APIC,
            Feature.SEP,
            Feature.MTRR,
            Feature.PGE,
            Feature.MCA,
            Feature.CMOV,
            Feature.PAT,
            Feature.FXSR,
            Feature.SSE,
            Feature.SSE2,
            Feature.VMX,
            Feature.LM,
            Feature.NX,
            Feature.SYSCALL);

    @SuppressWarnings("fallthrough")
    public static TestCpu of(String model, Object... switches) {
        EnumSet<Feature> features = EnumSet.copyOf(CORE2);
        switch (model) {
            case "max", "SapphireRapids":
                features.addAll(EnumSet.of(
                        Feature.WAITPKG,
                        Feature.SHSTK,
                        Feature.IBT,
                        Feature.PKS,
                        Feature.BUS_LOCK_DETECT,
                        Feature.LAM));
            // fall through
            case "Icelake-Server":
                features.addAll(EnumSet.of(Feature.LA57, Feature.UMIP, Feature.RDPID, Feature.SPEC_CTRL));
            // fall through
            case "Skylake-Server":
                features.addAll(EnumSet.of(Feature.XSAVES, Feature.PKU, Feature.MPX));
            // fall through
            case "Broadwell":
                features.addAll(EnumSet.of(Feature.RDSEED, Feature.SMAP));
            // fall through
            case "Haswell":
                features.addAll(EnumSet.of(Feature.INVPCID, Feature.PCID, Feature.RTM));
            // fall through
            case "IvyBridge":
                features.addAll(EnumSet.of(Feature.RDRAND, Feature.FSGSBASE, Feature.SMEP));
            // fall through
            case "SandyBridge":
                features.addAll(EnumSet.of(Feature.XSAVE, Feature.X2APIC));
            // fall through
            case "Westmere":
                features.add(Feature.PDPE1GB);
            // fall through
            case "Nehalem":
                features.add(Feature.RDTSCP);
                break;
            default:
                break;
        }
        if (model.equals("Icelake-Server") || model.equals("SapphireRapids")) {
            features.remove(Feature.MPX);
        }
        Map<String, Boolean> map = new LinkedHashMap<>();
        for (int i = 0; i < switches.length; i += 2) {
            map.put((String) switches[i], (Boolean) switches[i + 1]);
        }
        return new TestCpu(model, map, features, model.equals("Penryn") ? 36 : 46);
    }

    @Override
    public boolean has(Feature feature) {
        return features.contains(feature);
    }

    @Override
    public Vendor vendor() {
        return Vendor.INTEL;
    }

    @Override
    public int linearBits() {
        return has(Feature.LA57) ? 57 : 48;
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
