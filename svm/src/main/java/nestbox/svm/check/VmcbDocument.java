package nestbox.svm.check;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.x86.Cpu;
import nestbox.x86.check.BadDocumentException;
import nestbox.x86.check.BadDocumentException.Problem;
import nestbox.x86.check.DocumentMemory;
import nestbox.x86.check.StateDocument;
import nestbox.x86.check.StateDocument.Entry;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.system.ControlRegisters;
import nestbox.x86.system.MsrTable;

/**
 * A VMCB as text describes it, to be checked without a processor. The document is a map with three optional parts;
 * {@link StateDocument.Entry#number} says what a number is.
 *
 * <ul>
 *   <li>{@code fields}: a field's name ({@code CR0}, {@code GUEST_ASID}), its byte offset in the VMCB, or a segment's
 *       {@code CS.attributes}, to its value; fields that are not named are 0
 *   <li>{@code state}, of the processor that executes VMRUN: {@code host-paging}, {@code host-long-mode} (both true),
 *       {@code u-cet} (0)
 *   <li>{@code memory}: a physical address to the 64-bit value there; the rest of memory is 0
 * </ul>
 */
public final class VmcbDocument implements CheckContext {
    static final String ATTRIBUTES = ".attributes";
    private static final int ATTRIBUTE_BITS = 0xfff;
    private static final String USER_CET = "u-cet";

    private final CpuFeatures cpu;
    private final Map<VmcbField, Long> values = new EnumMap<>(VmcbField.class);
    private final Map<VmcbSegment, Integer> attributes = new EnumMap<>(VmcbSegment.class);
    private final Map<String, Boolean> flags = new HashMap<>(Map.of("host-paging", true, "host-long-mode", true));
    private final DocumentMemory memory = new DocumentMemory();
    private long userCet;

    private VmcbDocument(CpuFeatures cpu) {
        this.cpu = cpu;
    }

    /**
     * Reads a document.
     *
     * @throws BadDocumentException naming everything that is wrong with it
     */
    public static VmcbDocument read(StateDocument document, CpuFeatures cpu) {
        VmcbDocument result = new VmcbDocument(cpu);
        List<Problem> problems = new ArrayList<>();
        for (Entry entry : document.entries()) {
            String message = switch (entry.part()) {
                case "fields" -> result.field(entry);
                case "state" -> result.state(entry);
                case "memory" -> result.memory.take(entry);
                default -> "unknown part '" + entry.part() + "'";
            };
            if (message != null) {
                problems.add(Problem.of(entry, message));
            }
        }
        if (!problems.isEmpty()) {
            throw new BadDocumentException(document.source(), problems);
        }
        return result;
    }

    private static String notANumber(Entry entry) {
        return "'" + entry.value() + "' is not a number";
    }

    private static String tooWide(long number) {
        return "0x" + Long.toHexString(number) + " is wider than the field";
    }

    /** Takes a field over; says what is wrong with it, or null. */
    private String field(Entry entry) {
        Long number = entry.number();
        if (number == null) {
            return notANumber(entry);
        }
        for (VmcbSegment segment : VmcbSegment.values()) {
            if (entry.key().equalsIgnoreCase(segment.name() + ATTRIBUTES)) {
                attributes.put(segment, (int) (long) number);
                return (number & ~ATTRIBUTE_BITS) == 0 ? null : tooWide(number);
            }
        }
        VmcbField field = fieldNamed(entry.key());
        if (field == null) {
            return "there is no such field that a check reads";
        }
        if (field.feature() != null && !cpu.has(field.feature())) {
            return "does not exist on this model";
        }
        if (field.bytes() < Long.BYTES && number >>> 8 * field.bytes() != 0) {
            return tooWide(number);
        }
        values.put(field, number);
        return null;
    }

    private static VmcbField fieldNamed(String key) {
        Long offset = StateDocument.number(key);
        for (VmcbField field : VmcbField.values()) {
            if (offset == null ? field.name().equalsIgnoreCase(key) : field.offset() == offset) {
                return field;
            }
        }
        return null;
    }

    private String state(Entry entry) {
        if (entry.key().equals(USER_CET)) {
            Long number = entry.number();
            userCet = number == null ? 0 : number;
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
    public long get(VmcbField field) {
        return values.getOrDefault(field, 0L);
    }

    @Override
    public int attributes(VmcbSegment segment) {
        return attributes.getOrDefault(segment, 0);
    }

    @Override
    public CpuFeatures features() {
        return cpu;
    }

    @Override
    public long cr4Bits() {
        return ControlRegisters.cr4Mask(cpu);
    }

    @Override
    public long eferBits() {
        return ControlRegisters.eferMask(cpu) | Cpu.EFER_SVME;
    }

    @Override
    public long shadowStackBits() {
        return MsrTable.cetBits(cpu);
    }

    @Override
    public long userShadowStack() {
        return userCet;
    }

    @Override
    public boolean hostPaging() {
        return flags.get("host-paging");
    }

    @Override
    public boolean hostLongMode() {
        return flags.get("host-long-mode");
    }

    @Override
    public long readPhysical(long address, int bytes) {
        return memory.read(address, bytes);
    }
}
