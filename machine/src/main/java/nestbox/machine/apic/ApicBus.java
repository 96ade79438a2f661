package nestbox.machine.apic;

import java.util.ArrayList;
import java.util.List;

/** Carries messages from local APICs and I/O APICs to the local APICs they name, and EOIs back. */
public final class ApicBus {
    private final List<LocalApic> locals = new ArrayList<>();
    private final List<IoApic> inputs = new ArrayList<>();

    void add(LocalApic apic) {
        locals.add(apic);
    }

    void add(IoApic apic) {
        inputs.add(apic);
    }

    /** Delivers to every local APIC that matches, or to the one with the lowest processor priority. */
    void send(ApicMessage message) {
        if (message.mode() == ApicMessage.MODE_LOWEST_PRIORITY) {
            LocalApic lowest = null;
            for (LocalApic apic : locals) {
                if (apic.acceptsFixed()
                        && apic.matches(message)
                        && (lowest == null || apic.processorPriority() < lowest.processorPriority())) {
                    lowest = apic;
                }
            }
            if (lowest != null) {
                lowest.deliver(message);
            }
            return;
        }
        for (LocalApic apic : locals) {
            if (apic.matches(message)) {
                apic.deliver(message);
            }
        }
    }

    /** Delivers to all local APICs, or all but {@code except}. */
    void sendAll(ApicMessage message, LocalApic except) {
        for (LocalApic apic : locals) {
            if (apic != except) {
                apic.deliver(message);
            }
        }
    }

    void endOfInterrupt(int vector) {
        for (IoApic apic : inputs) {
            apic.endOfInterrupt(vector);
        }
    }
}
