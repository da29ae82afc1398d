-- What hot requests ask, each in one statement. The functions run as their caller: each opens the scope of what was found, for the
-- rest of its statement, and the policies hold in it as in any transaction. They take one request; callers that have several at
-- one moment call them several times in one statement.

-- A refresh token's successors are looked for at each use; the chain of a long session has hundreds of links.
create index refresh_token_parent on refresh_token (company_id, parent_digest) where parent_digest is not null;

-- A living grant, with what its company says of the person at this moment.
create type living_grant as (
    id uuid, company_id uuid, account_id uuid, client_id text, login_id uuid, scopes text[], audience text, nonce text, claims jsonb,
    auth_time timestamptz, amr text[], acr text, subject text, confirmation jsonb, authorization_details jsonb, resources text[],
    company_slug text, company_name text, require_mfa boolean, role text,
    email text, email_verified_at timestamptz, name text, given_name text, family_name text, middle_name text, nickname text,
    preferred_username text, profile text, picture text, website text, gender text, birthdate text, zoneinfo text, locale text,
    phone_number text, phone_number_verified boolean, address jsonb, updated_at timestamptz
);

-- In the scope of the company: neither ended nor expired, its client and its account on, its membership not ended.
create function living(company uuid, sought uuid, at timestamptz) returns setof living_grant language sql stable as $$
    select g.id, g.company_id, g.account_id, g.client_id, g.login_id, g.scopes, g.audience, g.nonce, g.claims, g.auth_time, g.amr,
           g.acr, g.subject, g.confirmation, g.authorization_details, g.resources, c.slug, c.name, c.require_mfa, m.role,
           a.email, a.email_verified_at, a.name, a.given_name, a.family_name, a.middle_name, a.nickname, a.preferred_username,
           a.profile, a.picture, a.website, a.gender, a.birthdate, a.zoneinfo, a.locale, a.phone_number, a.phone_number_verified,
           a.address, a.updated_at
    from public.authorization_grant g
    join public.company c on c.id = g.company_id
    join public.membership m on m.company_id = g.company_id and m.account_id = g.account_id and m.ended_at is null
    join public.account a on a.id = g.account_id and a.disabled_at is null
    join public.client k on k.id = g.client_id and k.disabled_at is null
    where g.company_id = company and g.id = sought and g.ended_at is null and g.expires_at > at
$$;

-- What is held: an access token (its company and grant are in it), a code, or a refresh token (found by their digests).
create function held(kind text, secret bytea, company uuid, sought uuid, at timestamptz)
    returns table (company_id uuid, account_id uuid, grant_id uuid, client_id text,
                   redirect_uri text, code_challenge text, dpop_jkt text,
                   used_at timestamptz, expires_at timestamptz, revoked_at timestamptz, successor_used boolean,
                   living living_grant)
    language plpgsql as $$
#variable_conflict use_column
declare
    person uuid;
    whose text;
begin
    if kind = 'code' then
        select f.company_id, f.account_id, f.grant_id, f.client_id into company, person, sought, whose from public.find_code(secret) f;
    elsif kind = 'refresh_token' then
        select f.company_id, f.account_id, f.grant_id, f.client_id into company, person, sought, whose
        from public.find_refresh_token(secret) f;
    end if;
    if company is null then
        return;
    end if;
    perform set_config('app.company_id', company::text, true);
    if person is not null then
        perform set_config('app.account_id', person::text, true);
    end if;
    if kind = 'code' then
        return query
            select company, person, sought, whose, c.redirect_uri, c.code_challenge, c.dpop_jkt,
                   c.used_at, c.expires_at, null::timestamptz, false, l
            from public.authorization_code c left join public.living(company, sought, at) l on true
            where c.company_id = company and c.digest = secret;
    elsif kind = 'refresh_token' then
        return query
            select company, person, sought, whose, null::text, null::text, null::text, t.used_at, t.expires_at, t.revoked_at,
                   exists (select from public.refresh_token s
                           where s.company_id = company and s.parent_digest = secret and s.used_at is not null), l
            from public.refresh_token t left join public.living(company, sought, at) l on true
            where t.company_id = company and t.digest = secret;
    else
        return query
            select l.company_id, l.account_id, l.id, l.client_id, null::text, null::text, null::text,
                   null::timestamptz, null::timestamptz, null::timestamptz, false, l
            from public.living(company, sought, at) l;
    end if;
end
$$;

-- Uses a code up and keeps the refresh token that it gives, where it gives one. 'taken'; 'reused' where it was used before: then
-- all that it gave dies (RFC 6749, section 4.1.2); 'over' where it has expired, or its grant has ended.
create function take_code(secret bytea, company uuid, person uuid, granted uuid, at timestamptz,
                          refresh bytea, refresh_until timestamptz, bind jsonb,
                          line uuid, client text, ip text, user_agent text, request text,
                          action text, detail jsonb, reuse text)
    returns text language plpgsql as $$
declare
    was timestamptz;
begin
    perform set_config('app.company_id', company::text, true), set_config('app.account_id', person::text, true);
    update public.authorization_code c set used_at = at
    where c.company_id = company and c.digest = secret and c.used_at is null and c.expires_at > at;
    if not found then
        select c.used_at into was from public.authorization_code c where c.company_id = company and c.digest = secret;
        if was is null then
            return 'over';
        end if;
        update public.authorization_grant g set ended_at = at where g.company_id = company and g.id = granted and g.ended_at is null;
        insert into public.event (id, company_id, account_id, client_id, action, ip, user_agent, request_id, detail, created_at)
        values (line, company, person, client, reuse, ip, user_agent, request, '{}', at);
        return 'reused';
    end if;
    perform from public.authorization_grant g
    where g.company_id = company and g.id = granted and g.ended_at is null and g.expires_at > at;
    if not found then
        return 'over';
    end if;
    if bind is not null then
        update public.authorization_grant g set confirmation = bind where g.company_id = company and g.id = granted;
    end if;
    if refresh is not null then
        insert into public.refresh_token (digest, company_id, grant_id, expires_at, created_at)
        values (refresh, company, granted, refresh_until, at);
    end if;
    insert into public.event (id, company_id, account_id, client_id, action, ip, user_agent, request_id, detail, created_at)
    values (line, company, person, client, action, ip, user_agent, request, detail, at);
    return 'taken';
end
$$;

-- Uses a refresh token, and where `next` is given puts that in the place of whatever followed it. One refresh of a grant at a
-- time: what was read before may have changed, so it is judged again here. 'taken'; 'reused' where the family dies; 'over'.
create function take_refresh_token(secret bytea, company uuid, person uuid, granted uuid, at timestamptz, next bytea,
                                   line uuid, client text, ip text, user_agent text, request text,
                                   action text, detail jsonb, reuse text)
    returns text language plpgsql as $$
declare
    token record;
begin
    perform set_config('app.company_id', company::text, true), set_config('app.account_id', person::text, true);
    perform from public.authorization_grant g
    where g.company_id = company and g.id = granted and g.ended_at is null and g.expires_at > at for no key update;
    if not found then
        return 'over';
    end if;
    select t.used_at, t.expires_at, t.revoked_at into token
    from public.refresh_token t where t.company_id = company and t.digest = secret;
    if not found or token.expires_at <= at then
        return 'over';
    end if;
    if token.revoked_at is not null or (token.used_at is not null and exists (
        select from public.refresh_token s where s.company_id = company and s.parent_digest = secret and s.used_at is not null))
    then
        update public.authorization_grant g set ended_at = at where g.company_id = company and g.id = granted;
        insert into public.event (id, company_id, account_id, client_id, action, ip, user_agent, request_id, detail, created_at)
        values (line, company, person, client, reuse, ip, user_agent, request, '{}', at);
        return 'reused';
    end if;
    if next is not null then
        if token.used_at is null then
            update public.refresh_token t set used_at = at where t.company_id = company and t.digest = secret;
        else
            -- Its answer was lost. What it gave then was never used, and gives way.
            update public.refresh_token t set revoked_at = at
            where t.company_id = company and t.parent_digest = secret and t.revoked_at is null;
        end if;
        insert into public.refresh_token (digest, company_id, grant_id, parent_digest, expires_at, created_at)
        values (next, company, granted, secret, token.expires_at, at);
    end if;
    insert into public.event (id, company_id, account_id, client_id, action, ip, user_agent, request_id, detail, created_at)
    values (line, company, person, client, action, ip, user_agent, request, detail, at);
    return 'taken';
end
$$;

-- A client speaks for itself in a company, named by id or slug: the company's id and slug, where the client serves it.
create function note_client_token(owner uuid, company uuid, slug text, at timestamptz,
                                  line uuid, client text, ip text, user_agent text, request text, action text, detail jsonb)
    returns table (company_id uuid, company_slug text) language plpgsql as $$
#variable_conflict use_column
declare
    found_slug text;
begin
    if company is null then
        company := public.find_company(slug);
    end if;
    if company is null or (owner is not null and owner <> company) then
        return;
    end if;
    perform set_config('app.company_id', company::text, true), set_config('app.account_id', '', true);
    select c.slug into found_slug from public.company c where c.id = company;
    if found_slug is null then
        return;
    end if;
    insert into public.event (id, company_id, client_id, action, ip, user_agent, request_id, detail, created_at)
    values (line, company, client, action, ip, user_agent, request, detail, at);
    return query select company, found_slug;
end
$$;

-- Who is signed in: the login and its person, once for each company of theirs, by name. A login of more than a minute's rest is
-- noted as seen.
create function visiting(person uuid, sought uuid, at timestamptz)
    returns table (auth_time timestamptz, amr text[], acr text, email text, person_name text, home_company_id uuid, has_totp boolean,
                   company_id uuid, slug text, name text, logo_url text, color text, require_mfa boolean, session_hours integer,
                   password_min_length integer, mail_domains text[], created_at timestamptz, role text)
    language plpgsql as $$
#variable_conflict use_column
begin
    perform set_config('app.company_id', '', true), set_config('app.account_id', person::text, true);
    update public.login l set last_seen_at = at
    where l.id = sought and l.account_id = person and l.ended_at is null and l.last_seen_at < at - interval '1 minute';
    return query
        select l.auth_time, l.amr, l.acr, a.email, a.name, a.home_company_id,
               exists (select from public.totp t where t.account_id = person and t.confirmed_at is not null),
               c.id, c.slug, c.name, c.logo_url, c.color, c.require_mfa, c.session_hours, c.password_min_length, c.mail_domains,
               c.created_at, m.role
        from public.login l
        join public.account a on a.id = l.account_id and a.disabled_at is null
        left join public.membership m on m.account_id = l.account_id and m.ended_at is null
        left join public.company c on c.id = m.company_id
        where l.id = sought and l.account_id = person and l.ended_at is null and l.expires_at > at
        order by c.name, c.id;
end
$$;

-- What a person allowed a client in a company.
create function consented(company uuid, person uuid, client text) returns table (scopes text[], resources text[])
    language plpgsql as $$
#variable_conflict use_column
begin
    perform set_config('app.company_id', company::text, true), set_config('app.account_id', person::text, true);
    return query select c.scopes, c.resources from public.consent c
        where c.company_id = company and c.account_id = person and c.client_id = client;
end
$$;

-- Makes a grant in a living login, with its code where one is given. False where the login has ended: whoever ends it meanwhile
-- waits, and then finds what was made in it.
create function issue_grant(company uuid, person uuid, granted uuid, client text, login uuid, at timestamptz,
                            scopes text[], audience text, nonce text, claims jsonb, auth_time timestamptz, amr text[], acr text,
                            subject text, authorization_details jsonb, resources text[], until timestamptz, hears_logout boolean,
                            code bytea, redirect_uri text, code_challenge text, dpop_jkt text, code_until timestamptz)
    returns boolean language plpgsql as $$
#variable_conflict use_variable
begin
    perform set_config('app.company_id', '', true), set_config('app.account_id', person::text, true);
    perform from public.login l
    where l.id = login and l.account_id = person and l.ended_at is null and l.expires_at > at for share;
    if not found then
        return false;
    end if;
    perform set_config('app.company_id', company::text, true);
    insert into public.authorization_grant (company_id, id, account_id, client_id, login_id, scopes, audience, nonce, claims,
                                            auth_time, amr, acr, subject, authorization_details, resources, created_at, expires_at)
    values (company, granted, person, client, login, scopes, audience, nonce, claims, auth_time, amr, acr, subject,
            authorization_details, resources, at, until);
    if hears_logout then
        insert into public.login_client (company_id, login_id, client_id, account_id, subject, created_at)
        values (company, login, client, person, subject, at) on conflict do nothing;
    end if;
    if code is not null then
        insert into public.authorization_code (digest, company_id, grant_id, redirect_uri, code_challenge, dpop_jkt, expires_at, created_at)
        values (code, company, granted, redirect_uri, code_challenge, dpop_jkt, code_until, at);
    end if;
    return true;
end
$$;

do $$
declare
    signature text;
begin
    foreach signature in array array['living(uuid, uuid, timestamptz)', 'held(text, bytea, uuid, uuid, timestamptz)',
        'take_code(bytea, uuid, uuid, uuid, timestamptz, bytea, timestamptz, jsonb, uuid, text, text, text, text, text, jsonb, text)',
        'take_refresh_token(bytea, uuid, uuid, uuid, timestamptz, bytea, uuid, text, text, text, text, text, jsonb, text)',
        'note_client_token(uuid, uuid, text, timestamptz, uuid, text, text, text, text, text, jsonb)',
        'visiting(uuid, uuid, timestamptz)', 'consented(uuid, uuid, text)',
        'issue_grant(uuid, uuid, uuid, text, uuid, timestamptz, text[], text, text, jsonb, timestamptz, text[], text, text, jsonb,
                     text[], timestamptz, boolean, bytea, text, text, text, timestamptz)']
    loop
        execute format('revoke all on function %s from public', signature);
        execute format('grant execute on function %s to countersign_app', signature);
    end loop;
end
$$;
