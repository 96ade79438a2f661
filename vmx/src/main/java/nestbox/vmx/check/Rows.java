package nestbox.vmx.check;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;

/** Collects the rows of one group; the shapes that many rows share are methods here. */
final class Rows {
    private static final long PAGE = 0xfff;

    private final List<CheckRow> rows = new ArrayList<>();
    private final CheckGroup group;
    private final Failure failure;

    Rows(CheckGroup group, Failure failure) {
        this.group = group;
        this.failure = failure;
    }

    List<CheckRow> list() {
        return List.copyOf(rows);
    }

    Rows add(String id, List<VmcsField> fields, String rule, Predicate<CheckContext> holds) {
        return add(CheckRow.of(id, group, failure, fields, rule, holds));
    }

    Rows add(String id, VmcsField field, String rule, Predicate<CheckContext> holds) {
        return add(id, List.of(field), rule, holds);
    }

    Rows add(CheckRow row) {
        rows.add(row);
        return this;
    }

    /** The last row reads state outside the VMCS, too. */
    Rows reads(CpuState first, CpuState... more) {
        rows.add(rows.remove(rows.size() - 1).reads(first, more));
        return this;
    }

    /** Two rows: while {@code control} is 1, the field is a page-aligned address within the physical width. */
    Rows page(String id, VmcsField field, VmxFeature control) {
        return aligned(id, field, control, PAGE);
    }

    /** Two rows: while {@code control} is 1, the bits of {@code low} are 0 in the address, which fits the physical width. */
    Rows aligned(String id, VmcsField field, VmxFeature control, long low) {
        String when = "if \"" + control.title() + "\" is 1: ";
        int highest = 63 - Long.numberOfLeadingZeros(low);
        add(
                id + ".aligned",
                field,
                when + "bits " + highest + ":0 of the address are 0",
                c -> !c.on(control) || !c.any(field, low));
        return add(
                id + ".width",
                field,
                when + "the address is within the physical-address width",
                c -> !c.on(control) || c.physical(c.get(field)));
    }

    /** Three rows on an MSR area; a count of 0 frees its address. */
    Rows msrArea(String id, VmcsField address, VmcsField count) {
        List<VmcsField> fields = List.of(address, count);
        add(
                id + ".aligned",
                fields,
                "if the count is not 0: bits 3:0 of the address are 0",
                c -> c.get(count) == 0 || !c.any(address, 0xf));
        add(
                id + ".width",
                fields,
                "if the count is not 0: the address is within the physical-address width",
                c -> c.get(count) == 0 || c.physical(c.get(address)));
        return add(
                id + ".end",
                fields,
                "if the count is not 0: the area's last byte is within the physical-address width",
                c -> c.get(count) == 0 || endsInside(c, c.get(address), c.get(count)));
    }

    /** One row: while {@code control} is 1, {@code needed} is 1. */
    Rows implies(String id, VmxFeature control, VmxFeature needed) {
        return add(
                id,
                List.of(),
                "if \"" + control.title() + "\" is 1, \"" + needed.title() + "\" is 1",
                c -> !c.on(control) || c.on(needed));
    }

    /** One row: while {@code control} is 0, {@code other} is 0. */
    Rows excludes(String id, VmxFeature control, VmxFeature other) {
        return add(
                id,
                List.of(),
                "if \"" + control.title() + "\" is 0, \"" + other.title() + "\" is 0",
                c -> c.on(control) || !c.on(other));
    }

    private static boolean endsInside(CheckContext c, long address, long count) {
        long last = address + count * 16 - 1;
        boolean wraps = Long.compareUnsigned(last, address) < 0;
        return !wraps && c.physical(last);
    }
}
