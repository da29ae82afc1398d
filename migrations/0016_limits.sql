-- No statement of the server runs on for ever, and no transaction stays open behind a server that is gone. They stand at the role,
-- so they hold through a pooler too. What the operator chose before stays; whoever may not change the role sets them by hand.
do $$
declare
    wanted text[];
begin
    foreach wanted slice 1 in array array[['statement_timeout', '5s'], ['idle_in_transaction_session_timeout', '10s']] loop
        if not exists (
            select from pg_db_role_setting s, unnest(s.setconfig) c
            where s.setrole = 'countersign_app'::regrole and c like wanted[1] || '=%'
        ) then
            execute format('alter role countersign_app set %I = %L', wanted[1], wanted[2]);
        end if;
    end loop;
exception when insufficient_privilege then
    raise notice 'the limits of countersign_app are not set: %', sqlerrm;
end
$$;
