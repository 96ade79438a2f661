package nestbox.vmx.check;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import nestbox.vmx.VmxModel;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.check.BadDocumentException;
import nestbox.x86.check.BadDocumentException.Problem;
import nestbox.x86.check.DocumentMemory;
import nestbox.x86.check.StateDocument;
import nestbox.x86.check.StateDocument.Entry;

/**
 * A VMCS as text describes it, to be checked without a processor: what {@code nestbox check} reads. The document is a map with
 * three optional parts; {@link StateDocument.Entry#number} says what a number is.
 *
 * <ul>
 *   <li>{@code fields}: a field's name in KVM's spelling ({@code GUEST_CR0}), the manual's ({@code Guest CR0}) or its encoding,
 *       to its value; fields that are not named are 0, but the VMCS link pointer is all ones
 *   <li>{@code state}: {@code ia32e-mode} (true), {@code smm}, {@code mov-ss-blocking}, {@code launched}, {@code vmresume},
 *       {@code no-current-vmcs}, {@code shadow} (all false), {@code current-vmcs} (an address)
 *   <li>{@code memory}: a physical address to the 64-bit value there; the rest of memory is 0
 * </ul>
 */
public final class VmcsDocument implements CheckContext {
    private final VmxModel model;
    private final ModelMsrs msrs;
    private final long[] values = new long[VmcsField.count()];
    private final DocumentMemory memory = new DocumentMemory();
    private final Map<String, Boolean> flags = new HashMap<>(Map.of(
            "ia32e-mode", true,
            "smm", false,
            "mov-ss-blocking", false,
            "launched", false,
            "vmresume", false,
            "no-current-vmcs", false,
            "shadow", false));
    private long currentVmcs;

    private VmcsDocument(VmxModel model) {
        this.model = model;
        msrs = new ModelMsrs(model.cpu());
        values[VmcsField.VMCS_LINK_POINTER.ordinal()] = -1;
    }

    /**
     * Reads a document.
     *
     * @throws BadDocumentException naming everything that is wrong with it
     */
    public static VmcsDocument read(StateDocument document, VmxModel model) {
        VmcsDocument result = new VmcsDocument(model);
        List<Problem> problems = new ArrayList<>();
        for (Entry entry : document.entries()) {
            String message = result.take(entry);
            if (message != null) {
                problems.add(Problem.of(entry, message));
            }
        }
        if (!problems.isEmpty()) {
            throw new BadDocumentException(document.source(), problems);
        }
        return result;
    }

    /** Takes an entry over; says what is wrong with it, or null. */
    private String take(Entry entry) {
        return switch (entry.part()) {
            case "fields" -> field(entry);
            case "state" -> state(entry);
            case "memory" -> memory.take(entry);
            default -> "unknown part '" + entry.part() + "'";
        };
    }

    private static String notANumber(Entry entry) {
        return "'" + entry.value() + "' is not a number";
    }

    private String field(Entry entry) {
        VmcsField field = fieldNamed(entry.key());
        if (field == null) {
            return "there is no such field";
        }
        Long number = entry.number();
        if (number == null) {
            return notANumber(entry);
        }
        if (!model.has(field)) {
            return "does not exist on this model";
        }
        if ((number & ~field.mask()) != 0) {
            return "0x" + Long.toHexString(number) + " is wider than the field";
        }
        values[field.ordinal()] = number;
        return null;
    }

    private static VmcsField fieldNamed(String key) {
        Long encoding = StateDocument.number(key);
        if (encoding != null) {
            return VmcsField.byEncoding(encoding);
        }
        for (VmcsField field : VmcsField.values()) {
            if (field.name().equalsIgnoreCase(key) || field.title().equalsIgnoreCase(key)) {
                return field;
            }
        }
        return null;
    }

    private String state(Entry entry) {
        if (entry.key().equals("current-vmcs")) {
            Long number = entry.number();
            currentVmcs = number == null ? 0 : number;
            return number == null ? notANumber(entry) : null;
        }
        if (!flags.containsKey(entry.key())) {
            return "there is no such state";
        }
        Boolean flag = entry.flag();
        if (flag == null) {
            return "'" + entry.value() + "' is neither true nor false";
        }
        flags.put(entry.key(), flag);
        return null;
    }

    @Override
    public long get(VmcsField field) {
        return values[field.ordinal()];
    }

    @Override
    public VmxModel model() {
        return model;
    }

    @Override
    public boolean ia32eMode() {
        return flags.get("ia32e-mode");
    }

    @Override
    public boolean inSmm() {
        return flags.get("smm");
    }

    @Override
    public boolean movSsBlocking() {
        return flags.get("mov-ss-blocking");
    }

    @Override
    public boolean hasCurrentVmcs() {
        return !flags.get("no-current-vmcs");
    }

    @Override
    public long currentVmcs() {
        return currentVmcs;
    }

    @Override
    public boolean currentIsShadow() {
        return flags.get("shadow");
    }

    @Override
    public boolean launched() {
        return flags.get("launched");
    }

    @Override
    public boolean launching() {
        return !flags.get("vmresume");
    }

    @Override
    public long readPhysical(long address, int bytes) {
        return memory.read(address, bytes);
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
