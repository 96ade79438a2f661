package nestbox.testkit;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import nestbox.l0.ledger.CheckReport;
import nestbox.l0.ledger.TlbLedger;
import nestbox.machine.Machine;
import nestbox.machine.Outcome;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.svm.vmcb.ExitCode;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.x86.model.Vendor;

/** One guest's run, ended: what it printed, how it ended, what happened. */
public final class LabRun {
    private static final int ADDRESS_LOW = 0x5e0;
    private static final int VALUE_HIGH = 0x5ec;

    private final Nestbox lab;
    private final ByteArrayOutputStream serial;
    private final EventRecorder recorder;
    private final TreeMap<Long, String> labels = new TreeMap<>();
    private final Map<String, Long> addresses;
    private final ExitAgreement agreement;
    private final TlbLedger ledger;
    private Outcome outcome;
    private boolean staleUseExpected;

    /**
     * What code of the guest's has read and shown by calling {@code see}.
     *
     * @param level 1, or 2 for L2
     */
    public record Witness(int level, long address, long value) {
        @Override
        public String toString() {
            return String.format(Locale.ROOT, "L%d saw %#x at %#x", level, value, address);
        }
    }

    LabRun(
            Nestbox lab,
            ByteArrayOutputStream serial,
            EventRecorder recorder,
            Map<String, Long> addresses,
            ExitAgreement agreement,
            TlbLedger ledger) {
        this.lab = lab;
        this.serial = serial;
        this.recorder = recorder;
        this.addresses = addresses;
        this.agreement = agreement;
        this.ledger = ledger;
        addresses.forEach((label, address) -> {
            if (!label.contains(".")) {
                labels.put(address, label);
            }
        });
    }

    void end(Outcome ended) {
        outcome = ended;
    }

    /** The laboratory, with the machine as the guest left it. */
    public Nestbox lab() {
        return lab;
    }

    public Machine machine() {
        return lab.machine();
    }

    /** How it ended; null while it runs. */
    public Outcome outcome() {
        return outcome;
    }

    /** What the guest wrote to its serial port. */
    public String printed() {
        return serial.toString(StandardCharsets.ISO_8859_1);
    }

    public List<RecordedEvent> events() {
        return recorder.events();
    }

    /** Stale uses of L1's translations, in order; null if nobody judged them. */
    List<CheckReport> staleUses() {
        return ledger == null ? null : ledger.reports();
    }

    ExitAgreement exits() {
        return agreement;
    }

    /** The test has said that it wants a stale use. */
    void expectStaleUse() {
        staleUseExpected = true;
    }

    boolean staleUseExpected() {
        return staleUseExpected;
    }

    long forgottenEvents() {
        return recorder.dropped();
    }

    boolean intel() {
        return machine().config().cpu().vendor() == Vendor.INTEL;
    }

    /** Address of a label of the guest's source. */
    public long address(String label) {
        Long address = addresses.get(label);
        if (address == null) {
            throw new IllegalArgumentException("the guest has no label " + label);
        }
        return address;
    }

    /** Label and distance of an address in the image, or the number. */
    String place(long address) {
        Map.Entry<Long, String> label = labels.floorEntry(address);
        if (label == null || address - label.getKey() > 0x400) {
            return "0x" + Long.toHexString(address);
        }
        long distance = address - label.getKey();
        return label.getValue() + (distance == 0 ? "" : "+0x" + Long.toHexString(distance));
    }

    /** The exits from L2 that L1 was given, by name, in order: the same on bare silicon and under L0. */
    public List<String> exitsToL1() {
        List<String> exits = new ArrayList<>();
        for (RecordedEvent event : events()) {
            if (event.name().equals("kvm_nested_vmexit_inject")) {
                exits.add(exitName(event.field("reason")));
            } else if (event.name().equals("vm_exit")) {
                exits.add(event.text("reason"));
            } else if (event.name().startsWith("vmexit_")) {
                String number = event.type().fields().contains("number") ? event.text("number") : "";
                exits.add(event.name().substring("vmexit_".length()).toUpperCase(Locale.ROOT) + number);
            }
        }
        return exits;
    }

    /** The exits that L0 saw, of L1 and of L2, by name, in order; none on bare silicon. */
    public List<String> exitsToL0() {
        List<String> exits = new ArrayList<>();
        for (RecordedEvent event : events()) {
            if (event.name().equals("kvm_exit")) {
                exits.add(exitName(event.field("reason")));
            }
        }
        return exits;
    }

    String exitName(long code) {
        if (!intel()) {
            return ExitCode.name(code);
        }
        ExitReason reason = ExitReason.byNumber((int) code & 0xffff);
        return reason == null ? "0x" + Long.toHexString(code) : reason.name();
    }

    /** What the guest has shown by calling {@code see}. */
    public List<Witness> witnesses() {
        List<Witness> found = new ArrayList<>();
        long[] words = new long[4];
        for (RecordedEvent event : events()) {
            long port = event.name().equals("port_write") ? event.field("port") : 0;
            if (port < ADDRESS_LOW || port > VALUE_HIGH) {
                continue;
            }
            words[(int) (port - ADDRESS_LOW) / 4] = event.field("value") & 0xffffffffL;
            if (port == VALUE_HIGH) {
                found.add(new Witness(event.level(), words[0] | words[1] << 32, words[2] | words[3] << 32));
            }
        }
        return found;
    }

    /** The configuration in words. */
    String title() {
        L0Mode l0 = lab.configuration().l0();
        String below = l0 == L0Mode.NONE ? NestedCase.BARE : "under L0, " + l0.text();
        return lab.configuration().cpu() + ", " + below;
    }
}
