package nestbox.mmu.core;

/** A policy's answer to a yes-or-no question; what the question is says the {@link MmuPolicy}. */
@FunctionalInterface
public interface Rule {
    Rule YES = context -> true;
    Rule NO = context -> false;

    boolean applies(PolicyContext context);
}
