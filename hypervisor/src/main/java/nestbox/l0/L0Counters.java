package nestbox.l0;

import java.util.LinkedHashMap;
import java.util.Map;

/** Counters of L0, as {@code kvm_stat} has them. */
public final class L0Counters {
    public long exits;
    public long hypercalls;
    /** Instructions of the guest that L0 emulated. */
    public long insnEmulation;

    public long irqInjections;
    public long nmiInjections;
    /** Instructions and events emulated because the silicon could not run the guest's state. */
    public long emulatedStates;

    /** All but the exits by name, in order. */
    public Map<String, Long> all() {
        Map<String, Long> map = new LinkedHashMap<>();
        map.put("hypercalls", hypercalls);
        map.put("insn_emulation", insnEmulation);
        map.put("irq_injections", irqInjections);
        map.put("nmi_injections", nmiInjections);
        map.put("emulated_states", emulatedStates);
        return map;
    }
}
