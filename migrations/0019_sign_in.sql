-- A sign-in asks less often: what always follows one another is one statement. What it takes the place of (`throttle_admit` before
-- `find_credentials`, `begin_login`, `issue_grants`) stays for nodes of the version before.

-- Counts an attempt to sign in, and finds whose address it is. `blocked_until` says that the attempt is not heard; then, as for an address
-- that nobody has, all else is null.
create function admit_credentials(keys bytea[], free integer[], step double precision[], most double precision[],
                                  forgotten timestamptz[], at timestamptz, sought text)
    returns table (blocked_until timestamptz, account_id uuid, password_hash text, email_verified boolean, disabled boolean,
                   has_totp boolean, home_company_id uuid)
    language plpgsql as $$
declare
    until timestamptz := public.throttle_admit(keys, free, step, most, forgotten, at);
begin
    if until is null then
        return query select null::timestamptz, c.* from public.find_credentials(sought) c;
    end if;
    if until is not null or not found then
        return query select until, null::uuid, null::text, null::boolean, null::boolean, null::boolean, null::uuid;
    end if;
end
$$;

-- Begins a login of somebody who is not switched off, says so in the person's trail and in that of the home company while they belong to
-- it, and forgets the attempts that led here. Answers as `visitors` does; nothing where the person was switched off.
create function sign_in(person uuid, fresh uuid, at timestamptz, until timestamptz, methods text[], class text, ip text, user_agent text,
                        line uuid, request text, action text, detail jsonb, attempts bytea[], client text)
    returns table (n bigint, auth_time timestamptz, amr text[], acr text, last_seen_at timestamptz, email text, person_name text,
                   home_company_id uuid, has_totp boolean, company_id uuid, slug text, name text, logo_url text, color text,
                   require_mfa boolean, session_hours integer, password_min_length integer, mail_domains text[], created_at timestamptz,
                   role text, consented_scopes text[], consented_resources text[])
    language plpgsql
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
#variable_conflict use_variable
declare
    home uuid;
begin
    perform set_config('app.company_id', '', true), set_config('app.account_id', '', true);
    delete from public.throttle t where t.key = any (attempts);
    perform set_config('app.account_id', person::text, true);
    select m.company_id into home from public.account a
    left join public.membership m on m.account_id = a.id and m.company_id = a.home_company_id and m.ended_at is null
    where a.id = person and a.disabled_at is null;
    if not found then
        return;
    end if;
    insert into public.login (id, account_id, auth_time, amr, acr, ip, user_agent, created_at, last_seen_at, expires_at)
    values (fresh, person, at, methods, class, ip, user_agent, at, at, until);
    insert into public.event (id, company_id, account_id, action, ip, user_agent, request_id, detail, created_at)
    values (line, home, person, action, ip, user_agent, request, detail, at);
    return query select v.* from public.visitors(array[person], array[fresh], array[client], array[at]) v;
end
$$;

-- As `issue_grants`, and ends the flow that each answers, where there is one: 1 where the grant is kept, 0 where the login has ended, 2
-- where the flow has given its answer already. That is said only to who asks alone: of several together it is an error, and nothing
-- is done.
create function answer_flows(flows bytea[],
                             companies uuid[], people uuid[], grants uuid[], clients text[], logins uuid[], ats timestamptz[],
                             scopes text[], audiences text[], nonces text[], claims jsonb[], auth_times timestamptz[], amrs text[],
                             acrs text[], subjects text[], authorization_details jsonb[], resources text[], untils timestamptz[],
                             hear_logout boolean[],
                             codes bytea[], redirect_uris text[], code_challenges text[], dpop_jkts text[], code_untils timestamptz[])
    returns integer[] language plpgsql
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
#variable_conflict use_variable
declare
    wanted integer := cardinality(array_remove(flows, null));
    ended integer;
begin
    if wanted > 0 then
        perform set_config('app.company_id', '', true), set_config('app.account_id', '', true);
        update public.flow f set finished_at = q.at from unnest(flows, ats) as q(flow, at)
        where f.digest = q.flow and f.finished_at is null;
        get diagnostics ended = row_count;
        if ended <> wanted then
            if cardinality(flows) = 1 then
                return array[2];
            end if;
            raise exception 'a flow has given its answer already';
        end if;
    end if;
    return array(
        select done.kept::integer
        from unnest(issue_grants(companies, people, grants, clients, logins, ats, scopes, audiences, nonces, claims, auth_times, amrs, acrs,
                                 subjects, authorization_details, resources, untils, hear_logout, codes, redirect_uris, code_challenges,
                                 dpop_jkts, code_untils)) with ordinality as done(kept, n)
        order by done.n);
end
$$;

do $$
declare
    signature text;
begin
    foreach signature in array array[
        'admit_credentials(bytea[], integer[], double precision[], double precision[], timestamptz[], timestamptz, text)',
        'sign_in(uuid, uuid, timestamptz, timestamptz, text[], text, text, text, uuid, text, text, jsonb, bytea[], text)',
        'answer_flows(bytea[], uuid[], uuid[], uuid[], text[], uuid[], timestamptz[], text[], text[], text[], jsonb[], timestamptz[], text[],
                      text[], text[], jsonb[], text[], timestamptz[], boolean[], bytea[], text[], text[], text[], timestamptz[])']
    loop
        execute format('revoke all on function %s from public', signature);
        execute format('grant execute on function %s to countersign_app', signature);
    end loop;
end
$$;
