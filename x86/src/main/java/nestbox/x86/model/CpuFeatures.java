package nestbox.x86.model;

import java.util.Map;
import java.util.Set;

/**
 * What the processor has: the small interface that everything which depends on the CPU model asks. Read once, at wiring;
 * a mock may stand in for it.
 */
public interface CpuFeatures {
    boolean has(Feature feature);

    Vendor vendor();

    /** MAXPHYADDR. */
    int physicalBits();

    /** Linear-address width: 48, or 57 with LA57. */
    int linearBits();

    /** CPUID's answer as EAX, EBX, ECX, EDX, before the dynamic bits (OSXSAVE, APIC id...) are put in. */
    int[] cpuid(int leaf, int subleaf);

    /** Reset or constant value of a model-specific register that the model file sets, or {@code otherwise}. */
    long msr(int index, long otherwise);

    /** Name of the model as QEMU spells it, without switches ({@code Skylake-Server}). */
    default String modelName() {
        return "";
    }

    /** The {@code +vmx-...} and {@code -vmx-...} switches behind the model's name: lower-case name to on or off. */
    default Map<String, Boolean> vmxSwitches() {
        return Map.of();
    }

    /** The VMX capabilities that the model has by QEMU's names; empty if it does not say. */
    default Set<String> vmxCapabilities() {
        return Set.of();
    }

    /** VMX capability registers as read from a real processor; if there are any, they count instead of the names. */
    default Map<Integer, Long> vmxMsrs() {
        return Map.of();
    }
}
