;; scenario S-PDPTR-reserved: The same, and the edited entry has a reserved bit
;; origin   patch 1/3 of 4 June 2026 (nVMX: unwind PDPTR load if processor triggers a nested VMFail) and the reply of 9 June
;; note     Bit 1 of a PDPTE is reserved: to load it is VMX abort 2, as for a host PDPTE, which shuts L1 down.
;; include  pdptr
;; right    A
;; cell     bare                                    -> right
;; cell     tdp                                     -> right
;; cell     tdp vmfail.pdptr=memory                 -> right
;; cell     tdp vmfail.pdptr=none                   -> right
;; cell     shadow vmfail.pdptr=snapshot            -> right
;; cell     shadow vmfail.pdptr=memory              -> wrong shutdown
;; cell     shadow vmfail.pdptr=none                -> wrong B
P1      equ PDC + 3
