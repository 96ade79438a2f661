package nestbox.vmx.check;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import nestbox.core.NestboxException;
import nestbox.vmx.VmxModel;
import nestbox.vmx.vmcs.VmcsField;

/**
 * A VMCS as text describes it, to be checked without a processor: what {@code nestbox check} reads. The document is a map with
 * three optional parts; numbers are numbers, or text that {@link Long#decode} understands (up to 64 bits, {@code _} ignored).
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
    private static final String SUBJECT = "VMCS document";

    private final VmxModel model;
    private final ModelMsrs msrs;
    private final long[] values = new long[VmcsField.count()];
    private final Map<Long, Long> memory = new HashMap<>();
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
     * @throws NestboxException naming everything that is wrong with it
     */
    public static VmcsDocument read(Map<String, ?> document, VmxModel model) {
        VmcsDocument result = new VmcsDocument(model);
        List<String> errors = new ArrayList<>();
        document.forEach((part, content) -> {
            if (!(content instanceof Map<?, ?> map)) {
                errors.add(part + " is not a map");
                return;
            }
            map.forEach((key, value) -> {
                String error = result.entry(part, String.valueOf(key), value);
                if (error != null) {
                    errors.add(error);
                }
            });
        });
        if (!errors.isEmpty()) {
            throw new NestboxException(SUBJECT, String.join("; ", errors));
        }
        return result;
    }

    private String entry(String part, String key, Object value) {
        return switch (part) {
            case "fields" -> field(key, value);
            case "state" -> state(key, value);
            case "memory" -> memory(key, value);
            default -> "unknown part '" + part + "'";
        };
    }

    private String field(String key, Object value) {
        VmcsField field = fieldNamed(key);
        Long number = number(value);
        if (field == null || number == null) {
            return field == null ? "unknown field '" + key + "'" : key + ": '" + value + "' is not a number";
        }
        if (!model.has(field)) {
            return key + " does not exist on this model";
        }
        if ((number & ~field.mask()) != 0) {
            return key + ": 0x" + Long.toHexString(number) + " is wider than the field";
        }
        values[field.ordinal()] = number;
        return null;
    }

    private static VmcsField fieldNamed(String key) {
        Long encoding = number(key);
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

    private String state(String key, Object value) {
        if (key.equals("current-vmcs")) {
            Long number = number(value);
            currentVmcs = number == null ? 0 : number;
            return number == null ? key + ": '" + value + "' is not a number" : null;
        }
        if (!flags.containsKey(key)) {
            return "unknown state '" + key + "'";
        }
        flags.put(key, Boolean.parseBoolean(String.valueOf(value)));
        return null;
    }

    private String memory(String key, Object value) {
        Long address = number(key);
        Long number = number(value);
        if (address == null || number == null) {
            return "memory: '" + key + ": " + value + "' is not an address and a number";
        }
        for (int i = 0; i < 8; i++) {
            memory.put(address + i, number >>> 8 * i & 0xff);
        }
        return null;
    }

    private static Long number(Object value) {
        if (value instanceof Number number) {
            return number.longValue();
        }
        String text = String.valueOf(value).replace("_", "").toLowerCase(Locale.ROOT);
        try {
            if (text.startsWith("0x")) {
                return Long.parseUnsignedLong(text.substring(2), 16);
            }
            return text.startsWith("-") ? Long.parseLong(text) : Long.parseUnsignedLong(text);
        } catch (NumberFormatException e) {
            return null;
        }
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
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= memory.getOrDefault(address + i, 0L) << 8 * i;
        }
        return value;
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
